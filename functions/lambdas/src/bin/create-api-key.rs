//! Lambda entry point of [`CreateApiKey`].
use keystead_functions::{flat::api_key::CreateApiKey, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<CreateApiKey>().await
}
