//! Lambda entry point of [`RedeemTrialCode`].
use keystead_functions::{flat::code::RedeemTrialCode, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<RedeemTrialCode>().await
}
