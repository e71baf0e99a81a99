//! Lambda entry point of [`ListDiscountCodes`].
use keystead_functions::{flat::code::ListDiscountCodes, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve::<ListDiscountCodes>().await
}
