//! Lambda entry point of [`AuthLogin`].
use keystead_functions::{accounts::AuthLogin, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<AuthLogin>().await
}
