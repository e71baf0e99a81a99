//! Lambda entry point of [`StripeWebhook`].
use keystead_functions::{flat::webhook::StripeWebhook, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<StripeWebhook>().await
}
