//! Lambda entry point of [`Heartbeat`].
use keystead_functions::{flat::activation::Heartbeat, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<Heartbeat>().await
}
