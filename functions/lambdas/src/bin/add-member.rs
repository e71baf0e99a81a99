//! Lambda entry point of [`AddMember`].
use keystead_functions::{flat::member::AddMember, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<AddMember>().await
}
