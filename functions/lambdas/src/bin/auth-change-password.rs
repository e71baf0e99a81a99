//! Lambda entry point of [`accounts::CHANGE_PASSWORD`].
use keystead_functions::{accounts, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&accounts::CHANGE_PASSWORD).await
}
