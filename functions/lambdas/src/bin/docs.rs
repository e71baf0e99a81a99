//! Lambda entry point of [`docs::DOCS`].
use keystead_functions::{docs, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&docs::DOCS).await
}
