//! Lambda entry point of [`flat::CREATE_TRIAL_CODE`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::CREATE_TRIAL_CODE).await
}
