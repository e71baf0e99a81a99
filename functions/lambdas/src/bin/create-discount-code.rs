//! Lambda entry point of [`CreateDiscountCode`].
use keystead_functions::{flat::code::CreateDiscountCode, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<CreateDiscountCode>().await
}
