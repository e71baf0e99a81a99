//! Lambda entry point of [`accounts::LOGIN`].
use keystead_functions::{accounts, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&accounts::LOGIN).await
}
