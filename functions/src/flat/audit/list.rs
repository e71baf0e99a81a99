//! `GET|POST /listAuditEvents`: what was done to what an owner has, newest first.

use std::net::IpAddr;

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::ErrorCode,
    event::{Actor, Event, EventId, EventType, UserAgent},
    owner::{OwnerId, Scope},
    request::id::RequestId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::Admin,
        context::Context,
        cursor::EventCursors,
        endpoint::Endpoint,
        lenient::{Limit, blank_is_absent},
    },
};

/// `GET|POST /listAuditEvents`.
pub struct ListAuditEvents;

/// Which events, and how many.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Whose; for the super admin.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<OwnerId>"))]
    creator_id: Option<OwnerId>,
    /// Those of this type; all, when blank or absent.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<EventType>"))]
    r#type: Option<EventType>,
    limit: Option<Limit>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of an owner's audit log.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    events: Vec<EventView>,
    count: usize,
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Something that was done.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AuditEvent"))]
#[serde(rename_all = "camelCase")]
struct EventView {
    id: EventId,
    r#type: EventType,
    at: Timestamp,
    #[cfg_attr(feature = "openapi", schemars(with = "Value"))]
    actor: Actor,
    ip: Option<IpAddr>,
    user_agent: Option<UserAgent>,
    /// The `x-request-id` of the reply to what did it.
    request_id: Option<RequestId>,
    /// To what: a license's id, a product's, a code, a member's address, the beginning of an API key's hash.
    target: Option<String>,
    /// What else there is to know: of a change, each field's value before and after.
    #[cfg_attr(feature = "openapi", schemars(with = "Value"))]
    details: Map<String, Value>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let mut details = event.details;
        let target = details.remove("target");
        Self {
            id: event.event_id,
            r#type: event.r#type,
            at: event.at,
            actor: event.actor,
            ip: event.ip,
            user_agent: event.user_agent,
            request_id: event.request_id,
            target: target.as_ref().and_then(Value::as_str).map(str::to_owned),
            details,
        }
    }
}

/// Whose log is asked for.
fn owner(scope: &Scope, named: Option<OwnerId>) -> Result<OwnerId> {
    match (scope, named) {
        (Scope::Everything, Some(named)) => Ok(named),
        (Scope::Everything, None) => Err(Error::Invalid(InvalidRequest::MissingFields(&["creatorId"]))),
        (Scope::Owner(own), None) => Ok(own.clone()),
        (Scope::Owner(own), Some(named)) if *own == named => Ok(named),
        (Scope::Owner(_), Some(_)) => Err(Error::field("creatorId", "the API key's own creator")),
    }
}

/// In which list a cursor leads on.
fn list(owner: &OwnerId, r#type: Option<EventType>) -> String {
    format!("audit\n{owner}\n{}", r#type.map_or("", EventType::as_str))
}

impl Endpoint for ListAuditEvents {
    const NAME: &'static str = "list-audit-events";
    const ROUTE: &'static str = "GET|POST /listAuditEvents";
    const SUMMARY: &'static str = "List what was done to what an owner has, newest first.";
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["creatorId"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::MissingFields];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, (): ()) -> Result<Reply> {
        let owner = owner(&caller.scope, request.creator_id)?;
        let cursors = EventCursors::of(&cx.credentials.get()?.sealing, list(&owner, request.r#type))?;
        let after = cursors.open(request.cursor.as_deref())?;
        let limit = request.limit.map_or(Limit::DEFAULT, |limit| limit.0);
        let (events, next) = cx
            .store
            .event_list_audit(&owner, request.r#type, limit, after.as_ref())
            .await?;
        let events: Vec<EventView> = events.into_iter().map(EventView::from).collect();
        Ok(Reply {
            count: events.len(),
            events,
            next_cursor: cursors.seal(next.as_ref())?,
        })
    }
}
