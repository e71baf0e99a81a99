//! Lambda entry point of [`DeleteTrialCode`].
use keystead_functions::{flat::code::DeleteTrialCode, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<DeleteTrialCode>().await
}
