//! Lambda entry point of [`UpdateVariant`].
use keystead_functions::{flat::variant::UpdateVariant, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<UpdateVariant>().await
}
