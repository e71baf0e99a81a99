//! `GET /api/auth/events`: list what happened to one's own account.

use std::net::IpAddr;

use keystead_core::{
    Result, Timestamp,
    event::{Event, EventId, EventType, UserAgent},
    request::id::RequestId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::face::AccountsBare;
use crate::frame::{
    callers::SignedIn,
    context::Context,
    cursor::EventCursors,
    endpoint::Endpoint,
    lenient::{Limit, blank_is_absent},
};

/// `GET /api/auth/events`.
pub struct AuthEvents;

/// Which events, and how many.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    /// Those of this type; all, when blank or absent.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<EventType>"))]
    r#type: Option<EventType>,
    limit: Option<Limit>,
    /// The `nextCursor` of the page before, in the same session.
    cursor: Option<String>,
}

/// A page of what happened to an account, the newest first.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "AccountEvents")
)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    events: Vec<EventView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Something that happened to an account, to its holder.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AccountEvent"))]
#[serde(rename_all = "camelCase")]
struct EventView {
    id: EventId,
    r#type: EventType,
    at: Timestamp,
    /// Of wrong passwords: how many were shown from one network within the hour that began then.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    ip: Option<IpAddr>,
    user_agent: Option<UserAgent>,
    /// The `x-request-id` of the reply to what did it.
    request_id: Option<RequestId>,
    /// What else there is to know: who asked for the mail that led to it, which session ended, which address was which.
    #[cfg_attr(feature = "openapi", schemars(with = "Value"))]
    details: Map<String, Value>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.event_id,
            r#type: event.r#type,
            at: event.at,
            count: event.count,
            ip: event.ip,
            user_agent: event.user_agent,
            request_id: event.request_id,
            details: event.details,
        }
    }
}

impl Endpoint for AuthEvents {
    const NAME: &'static str = "auth-events";
    const ROUTE: &'static str = "GET /api/auth/events";
    const SUMMARY: &'static str = "List what happened to one's own account, the newest first.";

    type Face = AccountsBare;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: SignedIn, request: Request, (): ()) -> Result<Reply> {
        let account = &caller.account;
        let of_type = request.r#type.map_or("", EventType::as_str);
        let list = format!("account\n{}\n{of_type}", account.account_id);
        let cursors = EventCursors::of(&caller.sealing, list)?;
        let after = cursors.open(request.cursor.as_deref())?;
        let limit = request.limit.map_or(Limit::DEFAULT, |limit| limit.0);
        let (events, next) = cx
            .store
            .event_list_of_account(account, request.r#type, limit, after.as_ref())
            .await?;
        Ok(Reply {
            events: events.into_iter().map(EventView::from).collect(),
            next_cursor: cursors.seal(next.as_ref())?,
        })
    }
}
