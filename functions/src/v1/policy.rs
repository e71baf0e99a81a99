//! Policies in requests.

use keystead_core::{Error, InvalidRequest, Result, license::policy::Policy};
use serde::Deserialize;
use serde_json::Value;

/// A policy as a request has it. It is read by the endpoint, so that a refusal says what contradicts what in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct GivenPolicy(Value);

impl GivenPolicy {
    /// The policy in the `field` of a request.
    ///
    /// # Errors
    /// [`InvalidRequest::Policy`].
    pub(super) fn parse(&self, field: &str) -> Result<Policy> {
        Policy::parse(&self.0).map_err(|error| {
            let path = [field, error.field.as_str()];
            let path: Vec<&str> = path.into_iter().filter(|part| !part.is_empty()).collect();
            Error::Invalid(InvalidRequest::Policy {
                field: path.join("."),
                expected: error.expected,
            })
        })
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for GivenPolicy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Policy::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<Policy>()
    }
}
