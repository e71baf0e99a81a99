//! OpenAPI: a document made of what every endpoint says of itself.

pub(crate) mod describe;
mod document;
mod refusals;
pub(crate) mod schema;

pub use document::{api_document, document};
