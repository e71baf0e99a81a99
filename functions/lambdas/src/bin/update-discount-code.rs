//! Lambda entry point of [`UpdateDiscountCode`].
use keystead_functions::{flat::code::UpdateDiscountCode, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<UpdateDiscountCode>().await
}
