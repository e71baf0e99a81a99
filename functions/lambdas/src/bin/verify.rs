//! Lambda entry point of [`Verify`].
use keystead_functions::{flat::license::Verify, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Verify>().await
}
