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
            license_type: license.seats.license_type,
            status: license.standing.status,
            threat_level: license.standing.threat_level.number(),
            max_machines: license.seats.max_machines,
            max_concurrent: license.seats.max_concurrent,
            created_at: license.created_at,
            purchased_at: license.purchased_at.unwrap_or(license.created_at),
            expires_at: license.expires_at(),
            discount_code: license.discount_code.as_ref().map(Reference::as_str),
            purchase_id: license.purchase_id.as_ref().map(Reference::as_str),
            bundle_id: license.bundle_id.as_ref().map(Reference::as_str),
            unlocked_products: license.unlocked_products.iter().map(ProductId::as_str).collect(),
            hwid: license.lock.hwid.as_ref().map(Fingerprint::as_str),
            dispute_reason: license.standing.dispute_reason.as_ref().map(Reference::as_str),
            disputed_at: license.standing.disputed_at,
            machines_used: license.seats.machines_used,
            unresolved_violations_count: license.watch.unresolved_violations,
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
            session_active: license.seats.session_limit().is_some() && activation.session_is_live(now),
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
