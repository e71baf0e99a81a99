//! Lambda entry point of [`flat::LIST_AUDIT_EVENTS`].
use keystead_functions::{flat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&flat::LIST_AUDIT_EVENTS).await
}
