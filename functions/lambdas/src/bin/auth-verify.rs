//! Lambda entry point of [`AuthVerify`].
use keystead_functions::{accounts::AuthVerify, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<AuthVerify>().await
}
