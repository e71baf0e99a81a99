//! Lambda entry point of [`CreateProduct`].
use keystead_functions::{flat::product::CreateProduct, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<CreateProduct>().await
}
