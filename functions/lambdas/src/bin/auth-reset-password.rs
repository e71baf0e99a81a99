//! Lambda entry point of [`AuthResetPassword`].
use keystead_functions::{auth::AuthResetPassword, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<AuthResetPassword>().await
}
