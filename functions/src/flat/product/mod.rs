//! Products.

mod create;
mod list;
mod update;

pub use create::CreateProduct;
pub use list::ListProducts;
pub use update::UpdateProduct;
