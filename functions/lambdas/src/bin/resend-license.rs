//! Lambda entry point of [`flat::RESEND_LICENSE`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::RESEND_LICENSE).await
}
