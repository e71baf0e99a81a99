//! Lambda entry point of [`flat::OWNER_STRIPE_WEBHOOK`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::OWNER_STRIPE_WEBHOOK).await
}
