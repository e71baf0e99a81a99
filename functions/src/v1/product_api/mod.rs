//! What back ends do by the API key of a product: `/v1/products/{productId}/...`, with permissions in the place of roles.

mod get_product;
mod list_api_keys;
mod update_product;
mod whoami;

pub use get_product::V1GetOwnProduct;
pub use list_api_keys::V1ListOwnApiKeys;
pub use update_product::V1UpdateOwnProduct;
pub use whoami::V1Whoami;
