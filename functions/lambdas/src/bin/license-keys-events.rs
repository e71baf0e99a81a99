//! Lambda entry point of [`LicenseKeysEvents`].
use keystead_functions::{license_keys::LicenseKeysEvents, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<LicenseKeysEvents>().await
}
