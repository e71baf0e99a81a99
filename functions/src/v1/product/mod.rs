//! Products: what licenses are for.

mod add;
pub(super) mod create;
mod delete;
mod get;
mod list;
mod remove;
pub(super) mod update;
pub(super) mod view;

pub use add::V1AddProduct;
pub use create::V1CreateProduct;
pub use delete::V1DeleteProduct;
pub use get::V1GetProduct;
pub use list::V1ListProducts;
pub use remove::V1RemoveProduct;
pub use update::V1UpdateProduct;
