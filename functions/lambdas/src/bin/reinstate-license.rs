//! Lambda entry point of [`ReinstateLicense`].
use keystead_functions::{flat::license::ReinstateLicense, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ReinstateLicense>().await
}
