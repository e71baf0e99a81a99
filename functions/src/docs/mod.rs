//! The documentation that the service serves: for machines, and for people.

mod document;
mod page;

pub use document::OpenapiJson;
pub use page::Docs;
