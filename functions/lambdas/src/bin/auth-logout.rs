//! Lambda entry point of [`AuthLogout`].
use keystead_functions::{accounts::AuthLogout, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<AuthLogout>().await
}
