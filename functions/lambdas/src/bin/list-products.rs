//! Lambda entry point of [`ListProducts`].
use keystead_functions::{flat::product::ListProducts, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ListProducts>().await
}
