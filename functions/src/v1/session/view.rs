//! Sessions, as replies show them.

use keystead_core::{
    Timestamp,
    license::{
        address::Address,
        key::LicenseId,
        session::{DeviceId, Session, SessionId, SessionName},
    },
};
use serde::Serialize;

/// A session of a license.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicenseSession")
)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    id: SessionId,
    license_id: LicenseId,
    /// What its application calls it.
    session_id: SessionName,
    device_id: Option<DeviceId>,
    /// The SHA-256 of its machine, in hex.
    hwid_hash: Option<String>,
    ip: Option<Address>,
    started_at: Timestamp,
    last_seen_at: Timestamp,
    revoked_at: Option<Timestamp>,
    active: bool,
}

impl SessionView {
    pub(super) fn new(session: Session, license: &LicenseId, now: Timestamp) -> Self {
        Self {
            id: session.id(),
            license_id: license.clone(),
            active: session.is_live(now),
            session_id: session.session_id,
            device_id: session.device_id,
            hwid_hash: session.hwid_hash,
            ip: session.ip,
            started_at: session.started_at,
            last_seen_at: session.last_seen,
            revoked_at: session.revoked_at,
        }
    }
}
