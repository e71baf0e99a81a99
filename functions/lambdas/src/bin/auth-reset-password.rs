//! Lambda entry point of [`accounts::RESET_PASSWORD`].
use keystead_functions::{accounts, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&accounts::RESET_PASSWORD).await
}
