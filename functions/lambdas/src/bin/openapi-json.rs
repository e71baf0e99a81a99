//! Lambda entry point of [`docs::OPENAPI_JSON`].
use keystead_functions::{docs, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&docs::OPENAPI_JSON).await
}
