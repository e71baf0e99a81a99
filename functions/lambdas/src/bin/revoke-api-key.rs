//! Lambda entry point of [`flat::REVOKE_API_KEY`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::REVOKE_API_KEY).await
}
