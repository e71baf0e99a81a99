//! Lambda entry point of [`ListApiKeys`].
use keystead_functions::{flat::api_key::ListApiKeys, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ListApiKeys>().await
}
