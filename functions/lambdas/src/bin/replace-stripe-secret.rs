//! Lambda entry point of [`flat::REPLACE_STRIPE_SECRET`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::REPLACE_STRIPE_SECRET).await
}
