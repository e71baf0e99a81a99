//! The documentation that the service serves: for machines, and for people.

mod document;
mod face;
mod page;
use crate::frame::function::functions;

pub use document::OpenapiJson;
pub use page::Docs;

functions! {
    OPENAPI_JSON = OpenapiJson;
    DOCS = Docs;
}
