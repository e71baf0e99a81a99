//! Lambda entry point of [`DeleteDiscountCode`].
use keystead_functions::{flat::code::DeleteDiscountCode, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<DeleteDiscountCode>().await
}
