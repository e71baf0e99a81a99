//! Lambda entry point of [`Docs`].
use keystead_functions::{docs::Docs, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Docs>().await
}
