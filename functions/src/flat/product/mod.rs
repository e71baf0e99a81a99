//! Products.

mod create;
mod list;

pub use create::CreateProduct;
pub use list::ListProducts;
