//! Lambda entry point of [`LicenseKeysValidate`].
use keystead_functions::{license_keys::LicenseKeysValidate, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<LicenseKeysValidate>().await
}
