//! The documentation that the service serves: for machines, and for people.

mod document;
mod face;
mod page;

pub use document::OpenapiJson;
pub use page::Docs;
