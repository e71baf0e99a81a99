//! Activations: machines on a license, and their floating sessions.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    license::{
        key::LicenseKey,
        machine::{Country, Fingerprint, Hostname},
        seats::Seats,
    },
    request::rate_limit::Attempts,
    value::text::choice,
};

choice!(
    /// An API that lets machines in.
    Api {
        /// The flat client API.
        Flat = "flat",
        /// The license-keys API.
        LicenseKeys = "licenseKeys",
        /// `/v1`.
        V1 = "v1",
    }
);

impl Default for Api {
    /// That of an activation that does not say through which API it came.
    fn default() -> Self {
        Self::Flat
    }
}

impl Api {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who takes a machine off a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remover {
    /// The license's customer, through this API.
    Customer(Api),
    /// The license's vendor.
    Vendor,
}

/// A machine on a license, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    /// The license that it is an activation of.
    pub license_key: LicenseKey,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// The API through which it came. Not stored if it is [`Api::Flat`].
    #[serde(default, skip_serializing_if = "Api::is_default")]
    pub via: Api,
    /// The machine's name for people.
    pub hostname: Hostname,
    /// When the machine first activated.
    pub first_seen: Timestamp,
    /// When the machine was last heard of, to the precision of [`LAST_SEEN_PRECISION`].
    pub last_seen: Timestamp,
    /// When the last token it was given expires.
    pub token_expiry: Timestamp,
    /// When an event last told that it was activated or validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validated_at: Option<Timestamp>,
    /// When it came back, and so was noted as a machine that came to its license. Brief visits are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_at: Option<Timestamp>,
    /// Its attempts to activate.
    #[serde(default)]
    pub attempts: Attempts,
    /// Every country that it was seen in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub countries: BTreeSet<Country>,
    /// The country that it was last seen in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_country: Option<Country>,
    /// When its floating session began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_started: Option<Timestamp>,
    /// Until when its floating session holds without a sign of life. A session that has lapsed stays here, and counted,
    /// until its seat is needed: then it is reaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
}

/// How stale `lastSeen` may be. A busy application thereby costs reads, not writes.
pub const LAST_SEEN_PRECISION: Duration = Duration::from_secs(15 * 60);

/// How long a floating session holds without a sign of life.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How often an application should give a sign of life: three may be lost before the session lapses.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How long after its first activation a machine that shows itself has come back. One that was gone by then is no evidence
/// of anything: the key alone lets any number of made-up machines come and go.
pub const RETURN_AFTER: Duration = Duration::from_secs(60 * 60);

/// What must be written before a machine may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The machine is new: it takes a machine slot and, of a floating license, a session.
    NewMachine,
    /// The machine is known and its session was reaped: it takes a session.
    OpenSession,
    /// The machine has all that it needs.
    Refresh,
}

impl Admission {
    /// How many machine slots and how many sessions of a license are taken.
    pub fn takes(self, floating: bool) -> (u32, u32) {
        match self {
            Self::NewMachine => (1, u32::from(floating)),
            Self::OpenSession => (0, 1),
            Self::Refresh => (0, 0),
        }
    }
}

/// A machine that shows itself, and what is now known of it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The machine.
    pub fingerprint: Fingerprint,
    /// The API through which it shows itself.
    pub via: Api,
    /// Its name, when it told one.
    pub hostname: Option<Hostname>,
    /// The country it is in, when a trusted proxy told.
    pub country: Option<Country>,
    /// When the token it is given expires, when it is given one.
    pub token_expiry: Option<Timestamp>,
    /// When it shows itself.
    pub now: Timestamp,
}

impl Activation {
    /// Whether `remover` may take it off its license. A machine counts once, whichever API let it in; a customer takes it
    /// off only through the API through which it came.
    pub fn may_be_removed_by(&self, remover: Remover) -> bool {
        match remover {
            Remover::Customer(api) => api == self.via,
            Remover::Vendor => true,
        }
    }

    /// Whether its floating session is alive at `now`.
    pub fn session_is_live(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| now < until)
    }

    /// Until when it may run by itself, if it still may at `now`: with the last token that it was given, or, of a floating
    /// license, in its session.
    pub fn may_run_until(&self, seats: &Seats, now: Timestamp) -> Option<Timestamp> {
        let session = self.lease_until.filter(|_| seats.session_limit().is_some());
        let until = session.map_or(self.token_expiry, |session| session.max(self.token_expiry));
        (now < until).then_some(until)
    }

    /// Whether this sign of life tells something that is worth a write: a new country, a new token, a session to
    /// revive, or that some time has passed.
    pub fn needs_write(&self, seats: &Seats, arrival: &Arrival) -> bool {
        arrival.token_expiry.is_some_and(|expiry| expiry != self.token_expiry)
            || arrival
                .country
                .as_ref()
                .is_some_and(|country| self.last_country.as_ref() != Some(country))
            || arrival.now.since(self.last_seen) >= LAST_SEEN_PRECISION
            || (seats.session_limit().is_some() && !self.session_is_live(arrival.now))
    }

    /// Whether a validation at `now` is an event: it is some time since the last one was.
    pub fn validation_is_due(&self, now: Timestamp) -> bool {
        self.validated_at
            .is_none_or(|told| now.since(told) >= VALIDATED_INTERVAL)
    }

    /// Whether a sign of life at `now` is its first return.
    pub fn returns(&self, now: Timestamp) -> bool {
        self.returned_at.is_none() && now.since(self.first_seen) >= RETURN_AFTER
    }

    /// The activation after `arrival`: a new one, or `known` brought up to date.
    pub fn after(known: Option<&Self>, key: &LicenseKey, seats: &Seats, arrival: &Arrival) -> Self {
        let mut activation = known.cloned().unwrap_or_else(|| Self {
            license_key: key.clone(),
            fingerprint: arrival.fingerprint.clone(),
            via: arrival.via,
            // A machine without a name is known by its fingerprint; every client that activates tells a name.
            hostname: arrival.hostname.clone().unwrap_or_else(Hostname::unknown),
            first_seen: arrival.now,
            last_seen: arrival.now,
            token_expiry: arrival.now,
            validated_at: Some(arrival.now),
            returned_at: None,
            attempts: Attempts::first(arrival.now),
            countries: BTreeSet::new(),
            last_country: None,
            session_started: None,
            lease_until: None,
        });
        activation.last_seen = arrival.now;
        if let Some(hostname) = &arrival.hostname {
            activation.hostname = hostname.clone();
        }
        if let Some(expiry) = arrival.token_expiry {
            activation.token_expiry = expiry;
        }
        if let Some(country) = &arrival.country {
            activation.countries.insert(country.clone());
            activation.last_country = Some(country.clone());
        }
        if seats.session_limit().is_some() {
            if activation.lease_until.is_none() {
                activation.session_started = Some(arrival.now);
            }
            // A request that was slow may come after one that has made the session hold for longer.
            activation.lease_until = activation.lease_until.max(Some(arrival.now + SESSION_TIMEOUT));
        }
        activation
    }
}

/// How often a machine's validations, and those of a license's key, are an event.
pub const VALIDATED_INTERVAL: Duration = Duration::from_secs(60 * 60);
