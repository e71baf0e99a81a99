//! Variants: the editions in which a product is sold.

mod create;
mod list;
mod update;

pub use create::CreateVariant;
pub use list::ListVariants;
pub use update::UpdateVariant;
