//! Lambda entry point of [`LicenseKeysReset`].
use keystead_functions::{license_keys::LicenseKeysReset, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<LicenseKeysReset>().await
}
