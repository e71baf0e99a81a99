//! Lambda entry point of [`ResolveLicense`].
use keystead_functions::{flat::license::ResolveLicense, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ResolveLicense>().await
}
