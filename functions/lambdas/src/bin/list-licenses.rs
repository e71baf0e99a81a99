//! Lambda entry point of [`ListLicenses`].
use keystead_functions::{flat::license::ListLicenses, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ListLicenses>().await
}
