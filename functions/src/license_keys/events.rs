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
    callers::{SignedIn, Source},
    context::Context,
    cursor::EventCursors,
    endpoint::{Endpoint, Needs},
    lenient::Limit,
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
    /// Those of this type, as a page.
    r#type: Option<KeyEventType>,
    /// At most so many, as a page.
    limit: Option<Limit>,
    /// The `nextCursor` of the page before, in the same session.
    cursor: Option<String>,
}

/// What happened, in this API's words.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum KeyEventType {
    /// It was found good.
    Validated,
    /// Its binding to a machine was taken back.
    HwidReset,
    /// It was exchanged for another.
    Shuffled,
    /// It was revoked.
    Revoked,
    /// It was made.
    Created,
}

/// The latest hundred, or a page of what is asked for.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyEvents"))]
#[serde(untagged)]
pub enum Reply {
    /// To who asks for no page, as the contract has it.
    Latest(Vec<EventView>),
    /// To who asks for a type, for so many, or for what comes after a page.
    Page(Page),
}

/// A page of what happened to a key, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyEventPage"))]
#[serde(rename_all = "camelCase")]
pub struct Page {
    events: Vec<EventView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// An event, as this API shows it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyEvent"))]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    id: String,
    r#type: KeyEventType,
    created_at: Timestamp,
    hwid: Option<Fingerprint>,
    ip: Option<IpAddr>,
    user_agent: Option<UserAgent>,
}

/// The events that this API knows, and its words for them.
const TYPES: [(EventType, KeyEventType); 5] = [
    (EventType::Validated, KeyEventType::Validated),
    (EventType::Unbound, KeyEventType::HwidReset),
    (EventType::Shuffled, KeyEventType::Shuffled),
    (EventType::Revoked, KeyEventType::Revoked),
    (EventType::Created, KeyEventType::Created),
];

/// The license of a product that the caller's team sells, as [`Endpoint::NEEDS`] has it checked.
pub struct SoldLicense(License);

impl Subject<Request, SignedIn> for SoldLicense {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &Request, _: &Source) -> Result<()> {
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
    type Reply = Reply;

    async fn call(cx: &Context, caller: SignedIn, request: Request, sold: SoldLicense) -> Result<Reply> {
        let license = sold.0;
        let wanted = |known: KeyEventType| request.r#type.is_none_or(|wanted| wanted == known);
        let types: Vec<EventType> = TYPES
            .into_iter()
            .filter(|(_, known)| wanted(*known))
            .map(|(r#type, _)| r#type)
            .collect();
        let views = |events: Vec<Event>| events.into_iter().filter_map(EventView::of).collect();
        if request.r#type.is_none() && request.limit.is_none() && request.cursor.is_none() {
            let events = cx.store.event_list_latest(&license, &types, Limit::DEFAULT).await?;
            return Ok(Reply::Latest(views(events)));
        }
        let names: Vec<&str> = types.iter().map(|r#type| r#type.as_str()).collect();
        let list = format!("license\n{}\n{}", license.license_id, names.join(","));
        let cursors = EventCursors::of(&caller.sealing, list)?;
        let after = cursors.open(request.cursor.as_deref())?;
        let limit = request.limit.map_or(Limit::DEFAULT, |limit| limit.0);
        let (events, next) = cx
            .store
            .event_list_page(&license, &types, limit, after.as_ref())
            .await?;
        Ok(Reply::Page(Page {
            events: views(events),
            next_cursor: cursors.seal(next.as_ref())?,
        }))
    }
}

impl EventView {
    fn of(event: Event) -> Option<Self> {
        let (_, known) = TYPES.into_iter().find(|(r#type, _)| *r#type == event.r#type)?;
        Some(Self {
            id: format!("evt_{}", event.event_id),
            r#type: known,
            created_at: event.at,
            hwid: event.fingerprint,
            ip: event.ip,
            user_agent: event.user_agent,
        })
    }
}
