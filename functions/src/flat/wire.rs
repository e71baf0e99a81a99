//! What several endpoints of the flat API say in the same words.

use keystead_core::{
    Timestamp,
    license::{
        License,
        activation::Activation,
        machine::{Country, Fingerprint},
        seats::{LicenseType, SeatLimit},
        standing::{LicenseStatus, Standing},
        violation::Violation,
    },
    product::ProductId,
    value::reference::Reference,
};
use serde::Serialize;

#[cfg(feature = "openapi")]
use crate::frame::openapi::schema;

/// `true`, under the name `success`, which opens every good reply of the flat API.
#[derive(Debug, Default)]
pub(crate) struct Success;

impl Serialize for Success {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

/// That it is done, and nothing beside.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Done {
    success: Success,
}
#[cfg(feature = "openapi")]
schema!(Success, { "const": true });

/// What an application shows the person in front of it.
pub(super) fn message(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "License is active",
        Standing::Flagged => "License has been flagged for unusual activity. Please contact support.",
        Standing::Ending => "License is suspended and will stop working soon. Please contact support.",
    }
}

/// A license as admin endpoints show it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "License"))]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenseView<'a> {
    key: &'a str,
    license_id: &'a str,
    email: &'a str,
    product_id: &'a str,
    variant: &'a str,
    license_type: LicenseType,
    status: LicenseStatus,
    threat_level: u8,
    max_machines: SeatLimit,
    max_concurrent: Option<SeatLimit>,
    created_at: Timestamp,
    purchased_at: Timestamp,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unlocked_products: Vec<&'a str>,
    /// The machine that the license-keys API has bound it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    hwid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disputed_at: Option<Timestamp>,
    machines_used: u32,
    unresolved_violations_count: u32,
}

impl<'a> From<&'a License> for LicenseView<'a> {
    fn from(license: &'a License) -> Self {
        Self {
            key: license.license_key.as_str(),
            license_id: license.license_id.as_str(),
            email: license.email.as_str(),
            product_id: license.product_id.as_str(),
            variant: license.variant.as_str(),
            license_type: license.license_type,
            status: license.status,
            threat_level: license.threat_level.number(),
            max_machines: license.max_machines,
            max_concurrent: license.max_concurrent,
            created_at: license.created_at,
            purchased_at: license.purchased_at.unwrap_or(license.created_at),
            expires_at: license.expires_at,
            discount_code: license.discount_code.as_ref().map(Reference::as_str),
            purchase_id: license.purchase_id.as_ref().map(Reference::as_str),
            bundle_id: license.bundle_id.as_ref().map(Reference::as_str),
            unlocked_products: license.unlocked_products.iter().map(ProductId::as_str).collect(),
            hwid: license.hwid.as_ref().map(Fingerprint::as_str),
            dispute_reason: license.dispute_reason.as_ref().map(Reference::as_str),
            disputed_at: license.disputed_at,
            machines_used: license.machines_used,
            unresolved_violations_count: license.unresolved_violations,
        }
    }
}

/// An activation as admin endpoints show it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Activation"))]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivationView {
    fingerprint: String,
    hostname: String,
    first_seen: Timestamp,
    last_seen: Timestamp,
    token_expiry: Timestamp,
    session_started: Option<Timestamp>,
    session_active: bool,
    countries: Vec<Country>,
    /// Empty when no country is known: tools put it straight into a label.
    last_country: String,
}

impl ActivationView {
    pub(super) fn of(activation: Activation, license: &License, now: Timestamp) -> Self {
        Self {
            session_active: license.session_limit().is_some() && activation.session_is_live(now),
            fingerprint: activation.fingerprint.to_string(),
            hostname: activation.hostname.to_string(),
            first_seen: activation.first_seen,
            last_seen: activation.last_seen,
            token_expiry: activation.token_expiry,
            session_started: activation.session_started,
            countries: activation.countries.into_iter().collect(),
            last_country: activation
                .last_country
                .map(|country| country.to_string())
                .unwrap_or_default(),
        }
    }
}

/// A violation as admin endpoints show it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Violation"))]
#[serde(rename_all = "camelCase")]
pub(super) struct ViolationView {
    id: String,
    r#type: String,
    severity: keystead_core::license::violation::Severity,
    detected_at: Timestamp,
    resolved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_at: Option<Timestamp>,
    details: serde_json::Map<String, serde_json::Value>,
}

impl From<Violation> for ViolationView {
    fn from(violation: Violation) -> Self {
        Self {
            id: violation.violation_id.to_string(),
            r#type: violation.r#type,
            severity: violation.severity,
            detected_at: violation.detected_at,
            resolved: violation.resolved,
            resolved_at: violation.resolved_at,
            details: violation.details,
        }
    }
}

/// Yes or no, as JSON's booleans and as a query's `true`, `1`, `false` and `0`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> serde::Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Flag;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Flag, E> {
                match text.trim() {
                    "true" | "1" => Ok(Flag(true)),
                    "false" | "0" => Ok(Flag(false)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Other("text"), &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "openapi")]
schema!(Flag, { "anyOf": [{ "type": "boolean" }, { "enum": ["true", "1", "false", "0"] }] });

/// How many records a page holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(super) usize);

impl Limit {
    /// Without a word from the client.
    pub(super) const DEFAULT: usize = 100;
    const MAX: u64 = 1000;
}

impl<'de> serde::Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Limit;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a whole number from 1 to {}", Limit::MAX)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Limit, E> {
                let in_range = (1..=Limit::MAX).contains(&number);
                usize::try_from(number)
                    .ok()
                    .filter(|_| in_range)
                    .map(Limit)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
            }

            // In JSON, 10.0 is as whole as 10.
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Limit, E> {
                let in_range = (1.0..=Limit::MAX as f64).contains(&number);
                self.visit_u64(if in_range && number.fract() == 0.0 {
                    number as u64
                } else {
                    0
                })
            }
        }

        deserializer.deserialize_u64(Visitor)
    }
}

#[cfg(feature = "openapi")]
schema!(Limit, {
    "description": "How many records a page holds.", "type": "integer", "minimum": 1, "maximum": Limit::MAX, "default": Limit::DEFAULT });

/// A field that tells being absent from being null: `null` takes the value away.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// A number of which 0, or a blank, means that there is none.
pub(super) fn zero_is_absent<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value: Option<serde_json::Value> = serde::Deserialize::deserialize(deserializer)?;
    let is_blank = |value: &serde_json::Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    let given = value.filter(|value| value.as_f64() != Some(0.0) && !is_blank(value));
    given.map(T::deserialize).transpose().map_err(serde::de::Error::custom)
}

/// A field that may be left blank: a client that has no token yet may well send an empty one.
pub(crate) fn blank_is_absent<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value: Option<serde_json::Value> = serde::Deserialize::deserialize(deserializer)?;
    let given = value.filter(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()));
    given.map(T::deserialize).transpose().map_err(serde::de::Error::custom)
}
