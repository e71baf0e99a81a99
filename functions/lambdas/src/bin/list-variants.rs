//! Lambda entry point of [`ListVariants`].
use keystead_functions::{flat::variant::ListVariants, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ListVariants>().await
}
