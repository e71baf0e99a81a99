//! Lambda entry point of [`GetLicense`].
use keystead_functions::{flat::license::GetLicense, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<GetLicense>().await
}
