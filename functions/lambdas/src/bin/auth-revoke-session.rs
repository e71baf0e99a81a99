//! Lambda entry point of [`accounts::REVOKE_SESSION`].
use keystead_functions::{accounts, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&accounts::REVOKE_SESSION).await
}
