//! Lambda entry point of [`RevokeLicense`].
use keystead_functions::{flat::license::RevokeLicense, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<RevokeLicense>().await
}
