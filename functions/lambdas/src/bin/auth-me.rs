//! Lambda entry point of [`AuthMe`].
use keystead_functions::{accounts::AuthMe, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<AuthMe>().await
}
