//! Lambda entry point of [`CreateLicense`].
use keystead_functions::{flat::license::CreateLicense, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<CreateLicense>().await
}
