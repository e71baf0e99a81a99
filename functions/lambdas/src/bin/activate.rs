//! Lambda entry point of [`Activate`].
use keystead_functions::{flat::activation::Activate, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Activate>().await
}
