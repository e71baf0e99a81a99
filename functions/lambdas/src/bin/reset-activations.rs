//! Lambda entry point of [`ResetActivations`].
use keystead_functions::{flat::license::ResetActivations, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ResetActivations>().await
}
