//! Lambda entry point of [`RemoveMember`].
use keystead_functions::{flat::member::RemoveMember, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<RemoveMember>().await
}
