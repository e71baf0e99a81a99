//! Lambda entry point of [`UpdateProduct`].
use keystead_functions::{flat::product::UpdateProduct, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<UpdateProduct>().await
}
