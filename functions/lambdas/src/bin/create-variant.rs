//! Lambda entry point of [`CreateVariant`].
use keystead_functions::{flat::variant::CreateVariant, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<CreateVariant>().await
}
