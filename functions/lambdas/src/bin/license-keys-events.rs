//! Lambda entry point of [`license_keys::EVENTS`].
use keystead_functions::{license_keys, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&license_keys::EVENTS).await
}
