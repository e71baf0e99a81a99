//! What an endpoint's types look like.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::frame::{
    callers::{Caller, document::Document},
    endpoint::Endpoint,
    face::Face,
    reply::Body,
};

/// The schemas of requests, of replies, and of what they share.
pub(crate) struct Schemas {
    pub(super) requests: SchemaGenerator,
    pub(super) replies: SchemaGenerator,
}

/// What an endpoint's types look like.
pub(crate) struct Description {
    pub(super) request: Value,
    pub(super) reply: Value,
    pub(super) content_type: &'static str,
    pub(super) also: Option<&'static str>,
    pub(super) caller: Document,
}

impl Description {
    pub(crate) fn of<E: Endpoint>(schemas: &mut Schemas) -> Self {
        let mut reply = E::Reply::json_schema(&mut schemas.replies).into();
        E::Face::describe(&mut reply);
        Self {
            request: E::Request::json_schema(&mut schemas.requests).into(),
            reply,
            content_type: E::Reply::CONTENT_TYPE,
            also: E::Reply::ALSO,
            caller: E::Caller::DOCUMENT,
        }
    }
}
