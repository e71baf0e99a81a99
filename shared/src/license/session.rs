//! Sessions of `/v1`: each is a lease beside those of floating seats, against one cap.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Timestamp,
    license::{address::Address, key::LicenseKey, machine::Fingerprint},
    value::text::{is_plain, text_value},
};

text_value!(
    /// What a client calls one of its sessions.
    SessionName,
    "a string of 1 to 512 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 512).then(|| text.to_owned())
    }
);

text_value!(
    /// What a client calls its device.
    DeviceId,
    "a string of 1 to 512 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 512).then(|| text.to_owned())
    }
);

text_value!(
    /// What a session is filed under on its license: a digest of its name, which is as long as clients like.
    SessionId,
    "32 hexadecimal digits",
    |text| {
        let text = text.trim().to_ascii_lowercase();
        (text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())).then_some(text)
    }
);

impl SessionId {
    /// That of a session.
    pub fn of(name: &SessionName) -> Self {
        Self(hex::encode(&Sha256::digest(name.as_str())[..16]))
    }
}

/// A session, as stored.
///
/// **Invariant**: it is counted in [`crate::license::seats::Seats::sessions_open`] as long as it has a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The license that it is a session of.
    pub license_key: LicenseKey,
    /// What its client calls it.
    pub session_id: SessionName,
    /// What its client calls its device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// The SHA-256 of its machine's fingerprint, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hwid_hash: Option<String>,
    /// The address that it was last seen at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<Address>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last heard of, to the precision of a third of its lease.
    pub last_seen: Timestamp,
    /// Until when it holds without a sign of life. Once that has passed it stays here, and counted, until its seat is
    /// needed. A session that was revoked has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// When its vendor ended it. It never comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When it may be forgotten that it was revoked, in seconds since 1970: the table's TTL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// How long it is remembered that a session was revoked.
pub const REVOKED_SESSION_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a request tells of its session.
#[derive(Clone, Copy, Debug)]
pub struct SessionSign<'a> {
    /// Its name.
    pub name: &'a SessionName,
    /// Its device.
    pub device_id: Option<&'a DeviceId>,
    /// Its machine.
    pub hwid: Option<&'a Fingerprint>,
    /// Its address.
    pub ip: Option<&'a Address>,
    /// How long it holds without a sign of life.
    pub lease: Duration,
}

impl Session {
    /// What it is filed under.
    pub fn id(&self) -> SessionId {
        SessionId::of(&self.session_id)
    }

    /// Whether it is alive at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| now < until)
    }

    /// Whether a sign of life at `now` is worth a write: a third of the lease has passed since the last one that was.
    pub fn extension_is_due(&self, lease: Duration, now: Timestamp) -> bool {
        let due = now + lease - lease / 3;
        self.lease_until.is_none_or(|until| until <= due)
    }

    /// The session after a sign of life: a new one, or `known` with a longer lease.
    pub fn after(known: Option<&Self>, key: &LicenseKey, sign: &SessionSign<'_>, now: Timestamp) -> Self {
        let known = known.filter(|known| known.lease_until.is_some());
        let hwid_hash = sign.hwid.map(|hwid| hex::encode(Sha256::digest(hwid.as_str())));
        Self {
            license_key: key.clone(),
            session_id: sign.name.clone(),
            device_id: sign
                .device_id
                .cloned()
                .or_else(|| known.and_then(|known| known.device_id.clone())),
            hwid_hash: hwid_hash.or_else(|| known.and_then(|known| known.hwid_hash.clone())),
            ip: sign.ip.cloned().or_else(|| known.and_then(|known| known.ip.clone())),
            started_at: known.map_or(now, |known| known.started_at),
            last_seen: now,
            // A request that was slow may come after one that has made the session hold for longer.
            lease_until: known.and_then(|known| known.lease_until).max(Some(now + sign.lease)),
            revoked_at: None,
            expires_at: None,
        }
    }
}
