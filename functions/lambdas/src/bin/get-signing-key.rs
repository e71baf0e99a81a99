//! Lambda entry point of [`flat::GET_SIGNING_KEY`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::GET_SIGNING_KEY).await
}
