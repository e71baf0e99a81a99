//! Lambda entry point of [`flat::REISSUE_LICENSE`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::REISSUE_LICENSE).await
}
