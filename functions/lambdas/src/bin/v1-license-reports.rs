//! Lambda entry point of [`v1::LICENSE_REPORTS`].
use keystead_functions::{runtime, v1};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&v1::LICENSE_REPORTS).await
}
