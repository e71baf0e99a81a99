//! Events: what happened to a license, when, and through whom.
//!
//! An event is written together with what it tells of, or not at all, so that the log can be relied on in a dispute.
//! ADR 12 has what that costs.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    Result, Timestamp,
    account::AccountId,
    ids::{Ids, derived_uuid_v7},
    license::{key::LicenseId, machine::Fingerprint},
    owner::{OwnerId, api_key::KeyHash},
    request::id::RequestId,
    value::{
        email::Email,
        text::{choice, harmless, is_plain, text_value},
    },
};

text_value!(
    /// An event's id: a UUID v7, so that a license's events sort by when they happened.
    EventId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl EventId {
    /// A new one.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(ids.uuid_v7(now)?.to_string()))
    }

    /// The one of what is counted in this hour for `what`: always the same, so that it is one event.
    pub(crate) fn of_hour(hour: Timestamp, what: &str) -> Self {
        Self(derived_uuid_v7(hour, what).to_string())
    }
}

text_value!(
    /// What an event is filed under: a license's id, an owner's audit log, or an account's.
    Subject,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl From<&LicenseId> for Subject {
    fn from(license: &LicenseId) -> Self {
        Self(license.as_str().to_owned())
    }
}

impl Subject {
    /// An owner's audit log, apart from what happens to licenses: no customer can flood it.
    pub fn audit_log_of(owner: &OwnerId) -> Self {
        Self(format!("audit#{owner}"))
    }

    /// An account's audit log, which nobody writes to but by what they do to the account.
    pub fn audit_log_of_account(account: &AccountId) -> Self {
        Self(format!("account#{account}"))
    }

    /// What is filed under an address without an account, so that it costs the same there. Nobody reads it.
    pub(crate) fn no_account(address: &Email) -> Self {
        Self(format!(
            "nobody#{}",
            hex::encode(&Sha256::digest(address.folded())[..16])
        ))
    }
}

choice!(
    /// What happened: to a license; in an owner's audit log, to what else is the owner's; in an account's, to the account.
    EventType {
        /// It was made.
        Created = "created",
        /// A machine took a slot.
        Activated = "activated",
        /// A machine gave its slot back.
        Deactivated = "deactivated",
        /// A machine's token was found good; at most once an hour for each machine.
        Validated = "validated",
        /// It was blocked for good.
        Revoked = "revoked",
        /// It was made to work again.
        Reinstated = "reinstated",
        /// It was changed otherwise.
        Updated = "updated",
        /// Every machine was taken off.
        Reset = "reset",
        /// Its key was exchanged for a new one.
        Shuffled = "shuffled",
        /// Its binding to a machine was taken back.
        Unbound = "unbound",
        /// It was caught at something.
        Violation = "violation",
        /// Violations were put aside.
        Resolved = "resolved",
        /// Its use was authorized, and something had to be written for it.
        Authorized = "authorized",
        /// Its use was denied; at most once in a quarter of an hour for each license.
        AuthorizationDenied = "authorizationDenied",
        /// Its use was denied because it has ended; beside the denial.
        Expired = "expired",
        /// Its machines were taken off, within its policy's budget.
        HwidReset = "hwidReset",
        /// The addresses that it was seen at were forgotten.
        IpReset = "ipReset",
        /// It was stopped by hand.
        Frozen = "frozen",
        /// It works again after it was stopped by hand.
        Unfrozen = "unfrozen",
        /// It works again after it was revoked.
        Unrevoked = "unrevoked",
        /// One or all of its sessions were ended.
        LicenseSessionsRevoked = "licenseSessionsRevoked",
        /// Its key was to be mailed to its customer again.
        KeyMailed = "keyMailed",
        /// It was deleted, with its machines, sessions and addresses.
        Deleted = "deleted",
        /// An API key of the owner's was made.
        ApiKeyCreated = "apiKeyCreated",
        /// An API key of the owner's lets nobody in any more.
        ApiKeyRevoked = "apiKeyRevoked",
        /// An API key of the owner's was changed.
        ApiKeyUpdated = "apiKeyUpdated",
        /// An API key of the owner's has another secret.
        ApiKeyRotated = "apiKeyRotated",
        /// An API key of the owner's was deleted.
        ApiKeyDeleted = "apiKeyDeleted",
        /// The secret of an address for the owner's Stripe account was replaced.
        StripeSecretReplaced = "stripeSecretReplaced",
        /// An account became a member of the owner's team, or got another role.
        MemberAdded = "memberAdded",
        /// An account is no member any more.
        MemberRemoved = "memberRemoved",
        /// The organisation was made.
        OrganisationCreated = "organisationCreated",
        /// The organisation was changed.
        OrganisationUpdated = "organisationUpdated",
        /// The organisation was deleted.
        OrganisationDeleted = "organisationDeleted",
        /// Licenses were saved as a file, with their keys.
        LicensesExported = "licensesExported",
        /// The organisation has another owner.
        OwnershipTransferred = "ownershipTransferred",
        /// Somebody was invited to the team.
        InviteCreated = "inviteCreated",
        /// An invite to the team was taken back.
        InviteRevoked = "inviteRevoked",
        /// An invite to the team was mailed again.
        InviteResent = "inviteResent",
        /// A product was made.
        ProductCreated = "productCreated",
        /// A product was changed.
        ProductUpdated = "productUpdated",
        /// A product was deleted, and with it everything that it has.
        ProductDeleted = "productDeleted",
        /// A variant was made.
        VariantCreated = "variantCreated",
        /// A variant was changed.
        VariantUpdated = "variantUpdated",
        /// A machine or an address was put on a product's blacklist, or its reason was changed.
        BlacklistEntryPut = "blacklistEntryPut",
        /// A machine or an address was taken off a product's blacklist.
        BlacklistEntryDeleted = "blacklistEntryDeleted",
        /// A code was made.
        CodeCreated = "codeCreated",
        /// A code was changed.
        CodeUpdated = "codeUpdated",
        /// A code was taken away.
        CodeDeleted = "codeDeleted",
        /// An account was made: its address was verified.
        AccountCreated = "accountCreated",
        /// Somebody signed in to the account.
        SignedIn = "signedIn",
        /// Wrong passwords of the account were shown, from one network within one hour.
        WrongPassword = "wrongPassword",
        /// The account has another password.
        PasswordChanged = "passwordChanged",
        /// The account has another address.
        AddressChanged = "addressChanged",
        /// A session of the account was ended from another.
        SessionRevoked = "sessionRevoked",
        /// All sessions of the account were ended but one.
        SessionsRevoked = "sessionsRevoked",
        /// Somebody signed out of the account.
        SignedOut = "signedOut",
        /// A refresh token of the account was shown that had been used before, so its session was ended.
        RefreshReused = "refreshReused",
    }
);

choice!(
    /// What kind of caller did something.
    ActorKind {
        /// Who holds the admin secret.
        Admin = "admin",
        /// Who holds an API key.
        ApiKey = "apiKey",
        /// Who holds the license key.
        Customer = "customer",
        /// Who shows nothing.
        Anyone = "anyone",
        /// Who is signed in to an account.
        Account = "account",
        /// Who is signed in to an account, on behalf of the team that they are in.
        Member = "member",
        /// A store, through a webhook.
        Store = "store",
        /// The service itself.
        Keystead = "keystead",
    }
);

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of caller.
    pub kind: ActorKind,
    /// Which one of the kind, where there are several: the beginning of an API key's hash, a store's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Actor {
    /// A caller of which there is only one.
    pub fn the(kind: ActorKind) -> Self {
        Self { kind, id: None }
    }

    /// Who is signed in to this account.
    pub fn account(id: &AccountId) -> Self {
        Self {
            kind: ActorKind::Account,
            id: Some(id.as_str().to_owned()),
        }
    }

    /// Who is signed in to this account, on behalf of a team.
    pub fn member(id: &AccountId) -> Self {
        Self {
            kind: ActorKind::Member,
            ..Self::account(id)
        }
    }

    /// Who holds the API key with this hash. Its beginning tells one key from another, and lets nobody in.
    pub fn api_key(hash: &KeyHash) -> Self {
        Self {
            kind: ActorKind::ApiKey,
            id: Some(hash.as_str().chars().take(12).collect()),
        }
    }
}

text_value!(
    /// What a client calls itself: its header `User-Agent`, cut short when it is long.
    UserAgent,
    "a string without control characters",
    |text| {
        let mut text = text.trim();
        if text.len() > UserAgent::LONGEST {
            text = &text[..text.floor_char_boundary(UserAgent::LONGEST)];
        }
        let text = harmless(text);
        is_plain(&text, UserAgent::LONGEST).then_some(text)
    }
);

impl UserAgent {
    /// How much of it is kept, in bytes: an event with it still fits in one write unit.
    const LONGEST: usize = 256;
}

/// An event, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What it is filed under.
    pub subject: Subject,
    /// Its id, by which a license's events sort.
    pub event_id: EventId,
    /// Whose license it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<OwnerId>,
    /// What happened.
    pub r#type: EventType,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The address they called from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// What they called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
    /// In which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The machine that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// How often, of what is counted in one event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// What else there is to know: of a change, each field's value before and after.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// When it may be forgotten, in seconds since 1970: the table's TTL. Never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl Event {
    /// The event as its owner's audit log has it, if a vendor made it happen.
    ///
    /// What customers and stores do is told under the license alone: they do it as often as they like. What the detectors make of
    /// it, and a chargeback, is told to the vendor as well.
    pub(crate) fn audit_entry(&self) -> Option<Self> {
        let by_vendor = match self.actor.kind {
            ActorKind::Admin | ActorKind::ApiKey | ActorKind::Member => true,
            ActorKind::Customer | ActorKind::Anyone | ActorKind::Account | ActorKind::Store | ActorKind::Keystead => {
                false
            }
        };
        // An application uses its vendor's key, and does so all day.
        let is_use = matches!(
            self.r#type,
            EventType::Authorized | EventType::AuthorizationDenied | EventType::Expired
        );
        let is_finding = self.r#type == EventType::Violation;
        let owner = self.owner_id.as_ref().filter(|_| by_vendor && !is_use || is_finding)?;
        Some(Self {
            subject: Subject::audit_log_of(owner),
            owner_id: None,
            ..self.clone().with("target", self.subject.as_str())
        })
    }

    /// The event, about this machine.
    #[must_use]
    pub fn of_machine(self, fingerprint: &Fingerprint) -> Self {
        Self {
            fingerprint: Some(fingerprint.clone()),
            ..self
        }
    }

    /// The event, with one more thing to know.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// What an event tells of a change: each field's value before and after, where they differ.
pub(crate) fn changes_between(mut before: Map<String, Value>, after: Map<String, Value>) -> Map<String, Value> {
    let mut changes = Map::new();
    for (name, to) in after {
        let from = before.remove(&name).unwrap_or_default();
        if from != to {
            changes.insert(name, json!({ "from": from, "to": to }));
        }
    }
    for (name, from) in before {
        changes.insert(name, json!({ "from": from, "to": null }));
    }
    changes
}
