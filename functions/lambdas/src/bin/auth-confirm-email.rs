//! Lambda entry point of [`accounts::CONFIRM_EMAIL`].
use keystead_functions::{accounts, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&accounts::CONFIRM_EMAIL).await
}
