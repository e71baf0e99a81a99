//! Lambda entry point of [`ListTrialCodes`].
use keystead_functions::{flat::code::ListTrialCodes, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ListTrialCodes>().await
}
