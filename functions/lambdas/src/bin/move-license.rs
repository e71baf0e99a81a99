//! Lambda entry point of [`MoveLicense`].
use keystead_functions::{flat::activation::MoveLicense, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<MoveLicense>().await
}
