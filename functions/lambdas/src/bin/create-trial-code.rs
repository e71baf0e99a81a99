//! Lambda entry point of [`CreateTrialCode`].
use keystead_functions::{flat::code::CreateTrialCode, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<CreateTrialCode>().await
}
