//! What the operator does by the admin secret, for an organisation whose team has not come yet.

mod create_api_key;
mod create_product;

pub use create_api_key::V1OperatorCreateApiKey;
pub use create_product::V1OperatorCreateProduct;
