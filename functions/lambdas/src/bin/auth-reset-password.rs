//! Lambda entry point of [`AuthResetPassword`].
use keystead_functions::{accounts::AuthResetPassword, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<AuthResetPassword>().await
}
