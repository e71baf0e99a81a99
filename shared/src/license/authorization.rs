//! Authorization: whether `/v1` lets an application run on a license, what remains of the license's limits, and what is
//! then to be written.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use serde::{Serialize, Serializer};

use crate::{
    Timestamp,
    license::{
        License,
        activation::{Activation, Api, LAST_SEEN_PRECISION},
        address::{Address, AddressBinding},
        expiry::DaysOfUse,
        key::LicenseKey,
        machine::{Country, Fingerprint, Hostname},
        policy::{AddressKind, HwidLimit, IpLimit, Policy},
        seats::SeatLimit,
        session::{DeviceId, Session, SessionName, SessionSign},
        standing::LicenseStatus,
    },
    product::{Product, ProductId, blacklist::BlacklistEntry},
    request::rate_limit::Attempts,
    value::text::choice,
};

choice!(
    /// Why an authorization is granted or denied.
    ReasonCode {
        /// It is granted.
        Allow = "ALLOW",
        /// No license of the product's owner has the key.
        LicenseNotFound = "LICENSE_NOT_FOUND",
        /// The license is for another product.
        ProductMismatch = "PRODUCT_MISMATCH",
        /// The license was revoked, or is frozen.
        LicenseRevoked = "LICENSE_REVOKED",
        /// The machine is on the product's blacklist.
        HwidBlacklisted = "HWID_BLACKLISTED",
        /// The address is on the product's blacklist.
        IpBlacklisted = "IP_BLACKLISTED",
        /// The date has passed at which the license ends.
        LicenseExpired = "LICENSE_EXPIRED",
        /// The days after its first use have passed.
        LicenseExpiredRelative = "LICENSE_EXPIRED_RELATIVE",
        /// The policy limits machines, and none is named.
        HwidRequired = "HWID_REQUIRED",
        /// The license is bound to another machine.
        HwidMismatch = "HWID_MISMATCH",
        /// The license is on as many machines as it may be.
        HwidLimitExceeded = "HWID_LIMIT_EXCEEDED",
        /// The license is bound to another address.
        IpMismatch = "IP_MISMATCH",
        /// The license is used from as many addresses as it may be.
        IpLimitExceeded = "IP_LIMIT_EXCEEDED",
        /// The session was ended by the vendor.
        SessionRevoked = "SESSION_REVOKED",
        /// As many sessions are open as may be.
        ConcurrencyLimitExceeded = "CONCURRENCY_LIMIT_EXCEEDED",
    }
);

impl ReasonCode {
    /// What the person in front of the machine is told, unless there is more to tell.
    pub fn message(self) -> &'static str {
        match self {
            Self::Allow => "Authorization granted",
            Self::LicenseNotFound => "License key not found",
            Self::ProductMismatch => "License does not belong to this product",
            Self::LicenseRevoked => "License has been revoked",
            Self::HwidBlacklisted => "Hardware ID is blacklisted",
            Self::IpBlacklisted => "IP address is blacklisted",
            Self::LicenseExpired | Self::LicenseExpiredRelative => "License has expired",
            Self::HwidRequired => "Hardware ID is required",
            Self::HwidMismatch => "Hardware ID does not match bound device",
            Self::HwidLimitExceeded => "Hardware ID limit exceeded",
            Self::IpMismatch => "IP address does not match bound address",
            Self::IpLimitExceeded => "IP address limit exceeded",
            Self::SessionRevoked => "Session has been revoked",
            Self::ConcurrencyLimitExceeded => "Concurrent session limit exceeded",
        }
    }

    /// Which counter, if any, denied it: then the records may be of different moments, or it may count what has lapsed.
    pub(crate) fn counter(self) -> Option<Counter> {
        match self {
            Self::HwidMismatch | Self::HwidLimitExceeded => Some(Counter::Machines),
            Self::IpMismatch | Self::IpLimitExceeded => Some(Counter::Addresses),
            Self::ConcurrencyLimitExceeded => Some(Counter::Sessions),
            Self::Allow
            | Self::LicenseNotFound
            | Self::ProductMismatch
            | Self::LicenseRevoked
            | Self::HwidBlacklisted
            | Self::IpBlacklisted
            | Self::LicenseExpired
            | Self::LicenseExpiredRelative
            | Self::HwidRequired
            | Self::SessionRevoked => None,
        }
    }

    /// Whether the license has ended.
    pub fn is_expiry(self) -> bool {
        matches!(self, Self::LicenseExpired | Self::LicenseExpiredRelative)
    }
}

/// A counter of a license that may deny an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    Machines,
    Addresses,
    Sessions,
}

/// An application that asks whether it may run.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// The product that it is, to which its API key is bound.
    pub product_id: ProductId,
    /// The license that it shows.
    pub license_key: LicenseKey,
    /// Its machine.
    pub hwid: Option<Fingerprint>,
    /// Its address.
    pub address: Option<Address>,
    /// The country that it is in, if a trusted proxy told.
    pub region: Option<Country>,
    /// What it calls its device.
    pub device_id: Option<DeviceId>,
    /// Its session.
    pub session: Option<SessionName>,
    /// Whether it merely asks: then nothing is written.
    pub dry_run: bool,
    /// How long a session holds without a sign of life ([`crate::license::activation::SESSION_TIMEOUT`] if nobody says).
    pub session_lease: Duration,
    /// How many machines a license has at most, whatever its policy.
    pub most_machines: u32,
}

/// What is known of a license and of what an application tells.
#[derive(Clone, Debug)]
pub struct AuthorizationRecords {
    /// The license.
    pub license: License,
    /// Its activation of the machine.
    pub machine: Option<Activation>,
    /// Its session of that name.
    pub session: Option<Session>,
    /// Its binding to the address.
    pub by_address: Option<AddressBinding>,
    /// Its binding to the address's country.
    pub by_region: Option<AddressBinding>,
    /// The product's blacklist entry of the machine.
    pub hwid_entry: Option<BlacklistEntry>,
    /// The product's blacklist entry of the address.
    pub ip_entry: Option<BlacklistEntry>,
}

impl AuthorizationRecords {
    /// The binding that counts, where this is what is counted.
    pub fn binding(&self, kind: AddressKind) -> Option<&AddressBinding> {
        match kind {
            AddressKind::Ip => self.by_address.as_ref(),
            AddressKind::Region => self.by_region.as_ref(),
        }
    }
}

/// That an application may not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationDenial {
    /// Why.
    pub reason: ReasonCode,
    /// What the person in front of the machine is told.
    pub message: Cow<'static, str>,
}

impl From<ReasonCode> for AuthorizationDenial {
    fn from(reason: ReasonCode) -> Self {
        Self {
            reason,
            message: Cow::Borrowed(reason.message()),
        }
    }
}

/// How many more there may be. Shown as a number, or `"unlimited"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// Any number.
    Unlimited,
    /// So many.
    Number(u32),
}

impl Remaining {
    fn of(limit: SeatLimit, used: u32) -> Self {
        match limit {
            SeatLimit::Unlimited => Self::Unlimited,
            SeatLimit::Limited(limit) => Self::Number(limit.saturating_sub(used)),
        }
    }
}

impl Serialize for Remaining {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unlimited => serializer.serialize_str("unlimited"),
            Self::Number(number) => serializer.serialize_u32(*number),
        }
    }
}

/// What remains of a license's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RemainingLimits {
    /// Machines.
    pub hwid: Remaining,
    /// Addresses, or countries.
    pub ip: Remaining,
    /// Sessions.
    pub concurrency: Remaining,
}

/// That an application may run.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The license as it then is; in a dry run as it was.
    pub license: License,
    /// When the machine was let in first, of one that is known.
    pub machine_since: Option<Timestamp>,
    /// What it allows.
    pub policy: Policy,
    /// What remains of that, this application counted in.
    pub remaining: RemainingLimits,
    /// When it was first used.
    pub activated_at: Option<Timestamp>,
    /// When it ends, as far as is known.
    pub effective_expires_at: Option<Timestamp>,
    /// The date at which it ends at the latest.
    pub expires_at: Option<Timestamp>,
    /// How many days after its first use it ends.
    pub expires_after_days: Option<DaysOfUse>,
    /// Whether this was its first use.
    pub was_activated: bool,
    /// What is to be written.
    pub(crate) plan: AuthorizationPlan,
}

/// What is to be written of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordWrite<T> {
    /// It is new, and counted.
    Creation(T),
    /// It was seen again.
    Refresh(T),
}

impl<T> RecordWrite<T> {
    fn is_new(write: Option<&Self>) -> u32 {
        match write {
            Some(Self::Creation(_)) => 1,
            Some(Self::Refresh(_)) | None => 0,
        }
    }
}

/// What is to be written for an application that may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuthorizationPlan {
    pub(crate) machine: Option<RecordWrite<Activation>>,
    pub(crate) session: Option<RecordWrite<Session>>,
    pub(crate) address: Option<RecordWrite<AddressBinding>>,
    /// Whether it is the license's first use.
    pub(crate) is_first_use: bool,
}

impl AuthorizationPlan {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many machines, sessions and addresses are new.
    pub(crate) fn takes(&self) -> [u32; 3] {
        [
            RecordWrite::is_new(self.machine.as_ref()),
            RecordWrite::is_new(self.session.as_ref()),
            RecordWrite::is_new(self.address.as_ref()),
        ]
    }

    /// Whether the license itself changes.
    pub(crate) fn changes_license(&self) -> bool {
        self.is_first_use || self.takes() != [0; 3]
    }
}

/// How many addresses are noted of a license that may be used from any number: more than tell anything.
pub(crate) const MOST_ADDRESSES_NOTED: u32 = 1000;

/// Decides whether an application may run on a license of `product`, by what is known of it.
///
/// # Errors
/// In the contract's order of precedence: not found, another product, revoked or frozen, blacklisted, expired, machine,
/// address, session.
pub fn authorize(
    product: &Product,
    records: &AuthorizationRecords,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<Grant, AuthorizationDenial> {
    let license = &records.license;
    // Another owner's license is not found, whatever it opens.
    if license.owner_id != product.owner_id {
        return Err(ReasonCode::LicenseNotFound.into());
    }
    if license.product_id != product.product_id && !license.unlocked_products.contains(&product.product_id) {
        return Err(ReasonCode::ProductMismatch.into());
    }
    works(records, now)?;
    blacklisted(records)?;
    expired(license, now)?;
    let policy = license.effective_policy(product);
    let plan = AuthorizationPlan {
        machine: machine_write(&policy, records, request, now)?,
        address: address_write(&policy, records, request, now)?,
        session: session_write(&policy, records, request, now)?,
        is_first_use: license.first_used_at.is_none(),
    };
    let [machines, sessions, addresses] = plan.takes();
    let seats = &license.seats;
    let remaining = RemainingLimits {
        hwid: Remaining::of(policy.machine_limit(), seats.machines_used.saturating_add(machines)),
        ip: Remaining::of(policy.address_limit(), seats.addresses_bound.saturating_add(addresses)),
        concurrency: Remaining::of(policy.session_limit(), seats.sessions_open.saturating_add(sessions)),
    };
    let (license, plan) = if request.dry_run {
        (license.clone(), AuthorizationPlan::default())
    } else {
        (license.after(&plan, now), plan)
    };
    let (expires_at, expires_after_days) = license.expiry.parts();
    Ok(Grant {
        policy,
        remaining,
        activated_at: license.first_used_at,
        effective_expires_at: license.expires_at(),
        expires_at,
        expires_after_days,
        was_activated: plan.is_first_use,
        machine_since: records.machine.as_ref().map(|machine| machine.first_seen),
        license,
        plan,
    })
}

/// That the license is neither revoked nor frozen for this machine.
fn works(records: &AuthorizationRecords, now: Timestamp) -> Result<(), AuthorizationDenial> {
    let license = &records.license;
    let own = license.for_machine(records.machine.as_ref().map(|machine| machine.first_seen));
    if !own.standing.is_blocked(now) {
        return Ok(());
    }
    let message = match own.standing.status {
        LicenseStatus::Suspended => "License is frozen",
        LicenseStatus::Active | LicenseStatus::Degraded | LicenseStatus::Revoked => {
            ReasonCode::LicenseRevoked.message()
        }
    };
    Err(AuthorizationDenial {
        reason: ReasonCode::LicenseRevoked,
        message: Cow::Borrowed(message),
    })
}

fn blacklisted(records: &AuthorizationRecords) -> Result<(), AuthorizationDenial> {
    let entries = [
        (&records.hwid_entry, ReasonCode::HwidBlacklisted),
        (&records.ip_entry, ReasonCode::IpBlacklisted),
    ];
    for (entry, reason) in entries {
        if let Some(entry) = entry {
            let told = entry.reason.as_ref().map(|told| Cow::Owned(told.to_string()));
            return Err(AuthorizationDenial {
                reason,
                message: told.unwrap_or(Cow::Borrowed(reason.message())),
            });
        }
    }
    Ok(())
}

/// That the license has not ended: first by its date, then by the days after its first use.
fn expired(license: &License, now: Timestamp) -> Result<(), AuthorizationDenial> {
    let (at, days) = license.expiry.parts();
    if at.is_some_and(|at| at <= now) {
        return Err(ReasonCode::LicenseExpired.into());
    }
    let used_up = license.first_used_at.zip(days);
    if used_up.is_some_and(|(used, days)| used + days.duration() <= now) {
        return Err(ReasonCode::LicenseExpiredRelative.into());
    }
    Ok(())
}

fn machine_write(
    policy: &Policy,
    records: &AuthorizationRecords,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<Option<RecordWrite<Activation>>, AuthorizationDenial> {
    let too_many = match policy.limits.hwid {
        None | Some(HwidLimit::Unlimited | HwidLimit::Limit { .. }) => ReasonCode::HwidLimitExceeded,
        Some(HwidLimit::Sticky) => ReasonCode::HwidMismatch,
    };
    let Some(hwid) = &request.hwid else {
        return match policy.machine_limit() {
            SeatLimit::Unlimited => Ok(None),
            SeatLimit::Limited(_) => Err(ReasonCode::HwidRequired.into()),
        };
    };
    let license = &records.license;
    if let Some(machine) = &records.machine {
        let is_due = now.since(machine.last_seen) >= LAST_SEEN_PRECISION;
        return Ok(is_due.then(|| RecordWrite::Refresh(seen_again(machine, request, now))));
    }
    let used = license.seats.machines_used;
    if !policy.machine_limit().admits(used) || !SeatLimit::Limited(request.most_machines).admits(used) {
        return Err(too_many.into());
    }
    let unseen = Activation {
        license_key: license.license_key.clone(),
        fingerprint: hwid.clone(),
        via: Api::V1,
        hostname: Hostname::unknown(),
        first_seen: now,
        last_seen: now,
        token_expiry: now,
        validated_at: None,
        returned_at: None,
        attempts: Attempts::default(),
        countries: BTreeSet::new(),
        last_country: None,
        session_started: None,
        lease_until: None,
    };
    Ok(Some(RecordWrite::Creation(seen_again(&unseen, request, now))))
}

/// The activation once its machine is seen at `now`. Its floating session, if it has one, is the flat API's.
fn seen_again(machine: &Activation, request: &AuthorizationRequest, now: Timestamp) -> Activation {
    let mut machine = Activation {
        last_seen: now,
        ..machine.clone()
    };
    if let Some(name) = request.device_id.as_ref().and_then(|id| Hostname::parse(id.as_str())) {
        machine.hostname = name;
    }
    if let Some(country) = &request.region {
        machine.countries.insert(country.clone());
        machine.last_country = Some(country.clone());
    }
    machine
}

fn address_write(
    policy: &Policy,
    records: &AuthorizationRecords,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<Option<RecordWrite<AddressBinding>>, AuthorizationDenial> {
    let Some(address) = &request.address else {
        return Ok(None);
    };
    let seen = |first_seen: Timestamp| AddressBinding {
        license_key: records.license.license_key.clone(),
        value_hash: address.hash(),
        region: request.region.clone(),
        first_seen,
        last_seen: now,
    };
    if let Some(known) = records.binding(policy.address_kind()) {
        let is_due = known.refresh_is_due(now);
        return Ok(is_due.then(|| RecordWrite::Refresh(seen(known.first_seen))));
    }
    let bound = records.license.seats.addresses_bound;
    let creation = RecordWrite::Creation(seen(now));
    match policy.limits.ip {
        None | Some(IpLimit::Unlimited { .. }) => Ok((bound < MOST_ADDRESSES_NOTED).then_some(creation)),
        Some(IpLimit::Sticky { .. }) if bound > 0 => Err(ReasonCode::IpMismatch.into()),
        Some(IpLimit::Limit { max_distinct, .. }) if bound >= max_distinct => Err(ReasonCode::IpLimitExceeded.into()),
        Some(IpLimit::Sticky { .. } | IpLimit::Limit { .. }) => Ok(Some(creation)),
    }
}

fn session_write(
    policy: &Policy,
    records: &AuthorizationRecords,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<Option<RecordWrite<Session>>, AuthorizationDenial> {
    let Some(name) = &request.session else {
        return Ok(None);
    };
    let license = &records.license;
    let sign = SessionSign {
        name,
        device_id: request.device_id.as_ref(),
        hwid: request.hwid.as_ref(),
        ip: request.address.as_ref(),
        lease: request.session_lease,
    };
    let known = records.session.as_ref();
    if known.is_some_and(|known| known.revoked_at.is_some()) {
        return Err(ReasonCode::SessionRevoked.into());
    }
    let after = || Session::after(known, &license.license_key, &sign, now);
    if let Some(open) = known.filter(|known| known.lease_until.is_some()) {
        let is_due = open.extension_is_due(request.session_lease, now);
        return Ok(is_due.then(|| RecordWrite::Refresh(after())));
    }
    if !policy.session_limit().admits(license.seats.sessions_open) {
        return Err(ReasonCode::ConcurrencyLimitExceeded.into());
    }
    Ok(Some(RecordWrite::Creation(after())))
}

impl License {
    /// The license once this is written.
    fn after(&self, plan: &AuthorizationPlan, now: Timestamp) -> Self {
        let [machines, sessions, addresses] = plan.takes();
        let mut license = self.clone();
        license.seats.machines_used += machines;
        license.seats.sessions_open += sessions;
        license.seats.addresses_bound += addresses;
        if plan.is_first_use {
            license.first_used_at = Some(now);
            return license.revised(now);
        }
        license
    }

    /// Whether that its use is denied at `now` is an event: it is some time since one told so.
    pub(crate) fn denial_is_due(&self, now: Timestamp) -> bool {
        self.denied_at.is_none_or(|told| now.since(told) >= DENIED_INTERVAL)
    }
}

/// How often a license's denials are an event.
pub(crate) const DENIED_INTERVAL: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Result,
        ids::{CreationId, Ids},
        license::{
            activation::SESSION_TIMEOUT,
            expiry::Expiry,
            key::LicenseId,
            standing::{Detected, SuspendedBy, Suspension},
        },
        owner::OwnerId,
        product::blacklist::BlacklistValue,
        value::{email::Email, name::Name, reference::Reference},
    };

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn product(id: &str, owner: &str) -> Product {
        Product::new(
            ProductId::parse(id).expect("an id"),
            Name::parse(id).expect("a name"),
            OwnerId::parse(owner).expect("an owner"),
            CreationId::new(&Ids::counted()).expect("an id"),
            NOW,
        )
    }

    fn policy(limits: &serde_json::Value) -> Policy {
        Policy::parse(&json!({ "v": 1, "limits": limits })).expect("a policy")
    }

    /// What is known of a machine that is new to a license with this policy, and what its application tells.
    fn newcomer(limits: &serde_json::Value) -> (AuthorizationRecords, AuthorizationRequest) {
        let product = product("app", "acme");
        let license = License::new(
            LicenseKey::parse("KEY").expect("a key"),
            LicenseId::parse("id").expect("an id"),
            &product,
            crate::product::variant::VariantId::parse("standard").expect("an id"),
            None,
            Email::parse("ann@example.com").expect("an address"),
            NOW,
        );
        let license = License {
            made_by: Api::V1,
            ..license
        };
        let records = AuthorizationRecords {
            license: license.with_policy(Some(policy(limits)), &product),
            machine: None,
            session: None,
            by_address: None,
            by_region: None,
            hwid_entry: None,
            ip_entry: None,
        };
        let request = AuthorizationRequest {
            product_id: product.product_id,
            license_key: records.license.license_key.clone(),
            hwid: Fingerprint::parse("machine"),
            address: Address::parse("192.0.2.1"),
            region: None,
            device_id: None,
            session: SessionName::parse("session"),
            dry_run: false,
            session_lease: SESSION_TIMEOUT,
            most_machines: 10_000,
        };
        (records, request)
    }

    fn decide(records: &AuthorizationRecords, request: &AuthorizationRequest) -> Result<Grant, AuthorizationDenial> {
        authorize(&product("app", "acme"), records, request, NOW)
    }

    fn reason(records: &AuthorizationRecords, request: &AuthorizationRequest) -> ReasonCode {
        decide(records, request).map_or_else(|denial| denial.reason, |_| ReasonCode::Allow)
    }

    fn entry(value: &BlacklistValue) -> Option<BlacklistEntry> {
        let app = ProductId::parse("app").expect("an id");
        Some(BlacklistEntry::new(&app, value, Reference::parse("stolen"), NOW))
    }

    #[test]
    fn reasons_are_told_in_the_order_of_the_contract() {
        let limits = json!({"hwid":{"mode":"limit","maxDistinct":1},"ip":{"mode":"limit","maxDistinct":1},
            "concurrency":{"mode":"limit","maxActive":1}});
        let (mut records, request) = newcomer(&limits);
        // Everything is wrong at once, and is put right from the first reason on.
        let hour = Duration::from_secs(60 * 60);
        let license = &mut records.license;
        license.owner_id = OwnerId::parse("other").expect("an owner");
        license.product_id = ProductId::parse("other").expect("an id");
        license.standing.status = LicenseStatus::Revoked;
        license.expiry = Expiry::of(Some(NOW), DaysOfUse::parse(1));
        license.first_used_at = Some(NOW - 24 * hour);
        license.seats.machines_used = 1;
        license.seats.addresses_bound = 1;
        license.seats.sessions_open = 1;
        records.hwid_entry = entry(&BlacklistValue::Hwid(request.hwid.clone().expect("a machine")));
        records.ip_entry = entry(&BlacklistValue::Ip(request.address.clone().expect("an address")));
        let sign = SessionSign {
            name: request.session.as_ref().expect("a session"),
            device_id: None,
            hwid: None,
            ip: None,
            lease: SESSION_TIMEOUT,
        };
        records.session = Some(Session {
            lease_until: None,
            revoked_at: Some(NOW),
            ..Session::after(None, &request.license_key, &sign, NOW)
        });
        type Repair = fn(&mut AuthorizationRecords);
        let steps: [(ReasonCode, Repair); 12] = [
            (ReasonCode::LicenseNotFound, |r| {
                r.license.owner_id = OwnerId::parse("acme").expect("an owner");
            }),
            (ReasonCode::ProductMismatch, |r| {
                r.license.product_id = ProductId::parse("app").expect("an id");
            }),
            (ReasonCode::LicenseRevoked, |r| {
                r.license.standing.status = LicenseStatus::Active;
            }),
            (ReasonCode::HwidBlacklisted, |r| r.hwid_entry = None),
            (ReasonCode::IpBlacklisted, |r| r.ip_entry = None),
            (ReasonCode::LicenseExpired, |r| {
                r.license.expiry = Expiry::of(None, DaysOfUse::parse(1));
            }),
            (ReasonCode::LicenseExpiredRelative, |r| r.license.expiry = Expiry::Never),
            (ReasonCode::HwidLimitExceeded, |r| r.license.seats.machines_used = 0),
            (ReasonCode::IpLimitExceeded, |r| r.license.seats.addresses_bound = 0),
            (ReasonCode::SessionRevoked, |r| r.session = None),
            (ReasonCode::ConcurrencyLimitExceeded, |r| {
                r.license.seats.sessions_open = 0;
            }),
            (ReasonCode::Allow, |_| {}),
        ];
        for (expected, repair) in steps {
            assert_eq!(reason(&records, &request), expected);
            repair(&mut records);
        }
    }

    #[test]
    fn a_blocked_license_says_why_and_an_established_machine_goes_on_through_what_detectors_found() {
        let (records, request) = newcomer(&json!({}));
        let with = |license: License| AuthorizationRecords {
            license,
            ..records.clone()
        };
        let told = |records: &AuthorizationRecords| {
            decide(records, &request).map_or_else(|denial| denial.message.into_owned(), |_| "granted".to_owned())
        };
        let license = &records.license;
        assert_eq!(told(&with(license.freeze(NOW).expect("a freeze"))), "License is frozen");
        let revoked = license.revoke(None, NOW).expect("a revocation");
        assert_eq!(told(&with(revoked)), "License has been revoked");
        let suspended = |since: Duration| {
            let mut license = license.clone();
            license.standing.status = LicenseStatus::Suspended;
            license.standing.suspension = Some(Suspension {
                at: NOW - since,
                by: SuspendedBy::Enforcement,
                blocks_from: None,
            });
            license.standing.detected = Some(Detected {
                at: NOW - since,
                before: LicenseStatus::Active,
            });
            with(license)
        };
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(told(&suspended(day)), "granted");
        assert_eq!(told(&suspended(3 * day)), "License is frozen");
        let Some(RecordWrite::Creation(machine)) = decide(&records, &request).expect("a grant").plan.machine else {
            panic!("the machine is new");
        };
        let established = AuthorizationRecords {
            machine: Some(Activation {
                first_seen: NOW - 4 * day,
                ..machine
            }),
            ..suspended(3 * day)
        };
        assert_eq!(told(&established), "granted");
        let listed = AuthorizationRecords {
            ip_entry: entry(&BlacklistValue::Ip(Address::parse("192.0.2.1").expect("an address"))),
            ..records.clone()
        };
        assert_eq!(told(&listed), "stolen");
    }

    #[test]
    fn what_remains_is_told_as_it_is_after_the_grant() {
        use Remaining::{Number, Unlimited};

        let cases = [
            (json!({}), [Unlimited, Unlimited, Unlimited]),
            (json!({"hwid":{"mode":"sticky"}}), [Number(0), Unlimited, Unlimited]),
            (
                json!({"hwid":{"mode":"limit","maxDistinct":3}}),
                [Number(2), Unlimited, Unlimited],
            ),
            (json!({"ip":{"mode":"sticky"}}), [Unlimited, Number(0), Unlimited]),
            (
                json!({"ip":{"mode":"limit","maxDistinct":5,"limitType":"region"}}),
                [Unlimited, Number(4), Unlimited],
            ),
            (
                json!({"concurrency":{"mode":"limit","maxActive":2}}),
                [Unlimited, Unlimited, Number(1)],
            ),
        ];
        for (limits, [hwid, ip, concurrency]) in cases {
            let (records, mut request) = newcomer(&limits);
            for dry_run in [false, true] {
                request.dry_run = dry_run;
                let grant = decide(&records, &request).expect("a grant");
                let expected = RemainingLimits { hwid, ip, concurrency };
                assert_eq!(grant.remaining, expected, "{limits}");
                assert_eq!(grant.plan.is_empty(), dry_run);
                assert_eq!(grant.activated_at, (!dry_run).then_some(NOW));
            }
        }
        let shown = serde_json::to_value([Unlimited, Number(3)]).expect("a value");
        assert_eq!(shown, json!(["unlimited", 3]));
    }

    #[test]
    fn what_is_bound_stays_and_others_are_denied() {
        let required = json!({"hwid":{"mode":"sticky"}});
        let (mut records, mut request) = newcomer(&required);
        request.hwid = None;
        assert_eq!(reason(&records, &request), ReasonCode::HwidRequired);
        records.license.seats.machines_used = 1;
        request.hwid = Fingerprint::parse("machine");
        assert_eq!(reason(&records, &request), ReasonCode::HwidMismatch);

        let (mut records, mut request) = newcomer(&json!({"ip":{"mode":"sticky"}}));
        let grant = decide(&records, &request).expect("a grant");
        assert_eq!(grant.plan.takes(), [1, 1, 1]);
        assert!(grant.was_activated);
        let (
            Some(RecordWrite::Creation(machine)),
            Some(RecordWrite::Creation(session)),
            Some(RecordWrite::Creation(at)),
        ) = (grant.plan.machine, grant.plan.session, grant.plan.address)
        else {
            panic!("all are new");
        };
        records = AuthorizationRecords {
            license: grant.license,
            machine: Some(machine),
            session: Some(session),
            by_address: Some(at),
            ..records
        };
        // All are known, and nothing is worth a write.
        let again = decide(&records, &request).expect("a grant");
        assert!(again.plan.is_empty() && !again.was_activated);
        let later = NOW + SESSION_TIMEOUT / 3;
        let app = product("app", "acme");
        let extended = authorize(&app, &records, &request, later).expect("a grant").plan;
        assert!(matches!(extended.session, Some(RecordWrite::Refresh(_))));
        assert!(extended.machine.is_none() && extended.address.is_none() && !extended.changes_license());
        let later = authorize(&app, &records, &request, NOW + LAST_SEEN_PRECISION)
            .expect("a grant")
            .plan;
        assert!(matches!(later.machine, Some(RecordWrite::Refresh(_))));
        assert!(matches!(later.address, Some(RecordWrite::Refresh(_))));
        records.by_address = None;
        request.address = Address::parse("192.0.2.2");
        assert_eq!(reason(&records, &request), ReasonCode::IpMismatch);
        request.most_machines = 1;
        records.machine = None;
        assert_eq!(reason(&records, &request), ReasonCode::HwidLimitExceeded);
    }

    #[test]
    fn a_license_of_another_api_goes_by_its_flat_terms() {
        let app = product("app", "acme");
        let (records, _) = newcomer(&json!({}));
        let flat = License {
            made_by: Api::Flat,
            policy: None,
            ..records.license.clone()
        };
        let mut floating = flat.clone();
        floating.seats.license_type = crate::license::seats::LicenseType::Floating;
        floating.seats.max_machines = SeatLimit::Limited(4);
        let expected = json!({"hwid":{"mode":"unlimited"},"concurrency":{"mode":"limit","maxActive":4}});
        assert_eq!(floating.effective_policy(&app), policy(&expected));
        let own = policy(&json!({"hwid":{"mode":"sticky"}}));
        assert_eq!(floating.with_policy(Some(own), &app).effective_policy(&app), own);
        let with_default = Product {
            default_policy: Some(own),
            ..app.clone()
        };
        let made_here = License {
            policy: None,
            ..records.license
        };
        assert_eq!(made_here.effective_policy(&with_default), own);
        assert_eq!(made_here.effective_policy(&app), Policy::UNLIMITED);
        assert_eq!(
            made_here.with_policy(None, &with_default).seats.max_machines,
            SeatLimit::Limited(1)
        );
        assert_eq!(flat.with_policy(None, &with_default).seats, flat.seats);
    }
}
