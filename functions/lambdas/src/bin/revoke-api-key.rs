//! Lambda entry point of [`RevokeApiKey`].
use keystead_functions::{flat::api_key::RevokeApiKey, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<RevokeApiKey>().await
}
