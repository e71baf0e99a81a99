//! Lambda entry point of [`Deactivate`].
use keystead_functions::{flat::activation::Deactivate, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Deactivate>().await
}
