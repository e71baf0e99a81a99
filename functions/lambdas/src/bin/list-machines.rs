//! Lambda entry point of [`flat::LIST_MACHINES`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::LIST_MACHINES).await
}
