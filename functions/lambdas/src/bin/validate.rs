//! Lambda entry point of [`Validate`].
use keystead_functions::{flat::activation::Validate, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Validate>().await
}
