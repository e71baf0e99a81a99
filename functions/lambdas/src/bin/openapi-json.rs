//! Lambda entry point of [`OpenapiJson`].
use keystead_functions::{docs::OpenapiJson, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<OpenapiJson>().await
}
