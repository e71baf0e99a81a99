//! Lambda entry point of [`LicenseKeysShuffle`].
use keystead_functions::{license_keys::LicenseKeysShuffle, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<LicenseKeysShuffle>().await
}
