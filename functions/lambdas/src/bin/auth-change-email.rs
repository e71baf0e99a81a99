//! Lambda entry point of [`accounts::CHANGE_EMAIL`].
use keystead_functions::{accounts, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&accounts::CHANGE_EMAIL).await
}
