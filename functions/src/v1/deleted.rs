//! The answers to what deletes a record, or takes it out of a team.

use serde::Serialize;

use crate::frame::reply::True;

/// A record was deleted.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Deleted {
    deleted: True,
}

/// A record was taken out of what it was in.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Removed {
    removed: True,
}
