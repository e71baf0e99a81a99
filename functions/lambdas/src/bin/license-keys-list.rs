//! Lambda entry point of [`license_keys::LIST`].
use keystead_functions::{license_keys, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&license_keys::LIST).await
}
