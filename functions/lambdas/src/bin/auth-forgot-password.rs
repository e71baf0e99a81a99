//! Lambda entry point of [`AuthForgotPassword`].
use keystead_functions::{accounts::AuthForgotPassword, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve_with_mail::<AuthForgotPassword>().await
}
