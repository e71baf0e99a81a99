//! `GET /api/license-keys/{keyId}/events`: what happened to a key.

use std::net::IpAddr;

use keystead_core::{
    Error, Result, Timestamp,
    error::{ErrorCode, Noun},
    event::{Event, EventType, UserAgent},
    license::{License, key::LicenseId, machine::Fingerprint},
    owner::{OwnerId, member::Role},
};
use serde::{Deserialize, Serialize};

use super::face::KeysForSellers;
use crate::frame::{
    callers::SignedIn,
    context::Context,
    endpoint::{Endpoint, Needs},
    subject::Subject,
};

/// `GET /api/license-keys/{keyId}/events`.
pub struct LicenseKeysEvents;

/// Which license: by the id that stays when its key is exchanged.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// What can be no id is that of no license: it is not found either.
    #[cfg_attr(feature = "openapi", schemars(with = "LicenseId"))]
    key_id: String,
}

/// An event, as this API shows it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyEvent"))]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    id: String,
    r#type: &'static str,
    created_at: Timestamp,
    hwid: Option<Fingerprint>,
    ip: Option<IpAddr>,
    user_agent: Option<UserAgent>,
}

/// The events that this API knows, and its words for them.
const TYPES: [(EventType, &str); 5] = [
    (EventType::Validated, "VALIDATED"),
    (EventType::Unbound, "HWID_RESET"),
    (EventType::Shuffled, "SHUFFLED"),
    (EventType::Revoked, "REVOKED"),
    (EventType::Created, "CREATED"),
];

/// How many events are shown.
const LIMIT: usize = 100;

/// The license of a product that the caller's team sells, as [`Endpoint::NEEDS`] has it checked.
pub struct SoldLicense(License);

impl Subject<Request, SignedIn> for SoldLicense {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &Request) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, _: &SignedIn, request: &Request, (): ()) -> Result<Self> {
        let found = match LicenseId::parse(&request.key_id) {
            Some(id) => cx.store.license_by_id_unscoped(&id).await?,
            None => None,
        };
        found.map(Self).ok_or(Error::NotFound(Noun::License))
    }

    fn owner(&self) -> Option<&OwnerId> {
        Some(&self.0.owner_id)
    }
}

impl Endpoint for LicenseKeysEvents {
    const NAME: &'static str = "license-keys-events";
    const ROUTE: &'static str = "GET /api/license-keys/{keyId}/events";
    const SUMMARY: &'static str = "List what happened to a key.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound, ErrorCode::Forbidden];

    type Face = KeysForSellers;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = SoldLicense;
    type Reply = Vec<EventView>;

    async fn call(cx: &Context, _: SignedIn, _: Request, sold: SoldLicense) -> Result<Self::Reply> {
        let types = TYPES.map(|(r#type, _)| r#type);
        let events = cx.store.event_list_latest(&sold.0, &types, LIMIT).await?;
        Ok(events.into_iter().filter_map(EventView::of).collect())
    }
}

impl EventView {
    fn of(event: Event) -> Option<Self> {
        let (_, name) = TYPES.iter().find(|(r#type, _)| *r#type == event.r#type)?;
        Some(Self {
            id: format!("evt_{}", event.event_id),
            r#type: name,
            created_at: event.at,
            hwid: event.fingerprint,
            ip: event.ip,
            user_agent: event.user_agent,
        })
    }
}
