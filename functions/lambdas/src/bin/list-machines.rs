//! Lambda entry point of [`ListMachines`].
use keystead_functions::{flat::activation::ListMachines, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ListMachines>().await
}
