//! Lambda entry point of [`Health`].
use keystead_functions::{flat::health::Health, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Health>().await
}
