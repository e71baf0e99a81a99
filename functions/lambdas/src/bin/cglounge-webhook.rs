//! Lambda entry point of [`CgloungeWebhook`].
use keystead_functions::{flat::webhook::CgloungeWebhook, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<CgloungeWebhook>().await
}
