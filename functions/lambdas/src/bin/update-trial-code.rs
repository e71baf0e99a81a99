//! Lambda entry point of [`UpdateTrialCode`].
use keystead_functions::{flat::code::UpdateTrialCode, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<UpdateTrialCode>().await
}
