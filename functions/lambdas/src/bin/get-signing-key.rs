//! Lambda entry point of [`GetSigningKey`].
use keystead_functions::{flat::signing_key::GetSigningKey, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<GetSigningKey>().await
}
