//! Lambda entry point of [`AuthRegister`].
use keystead_functions::{accounts::AuthRegister, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve_with_mail::<AuthRegister>().await
}
