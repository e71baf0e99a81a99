//! Lambda entry point of [`Jwks`].
use keystead_functions::{flat::signing_key::Jwks, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Jwks>().await
}
