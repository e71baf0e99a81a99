//! Lambda entry point of [`flat::REMOVE_MEMBER`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::REMOVE_MEMBER).await
}
