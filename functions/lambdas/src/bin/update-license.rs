//! Lambda entry point of [`UpdateLicense`].
use keystead_functions::{flat::license::UpdateLicense, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<UpdateLicense>().await
}
