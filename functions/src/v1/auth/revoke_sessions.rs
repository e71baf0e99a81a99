//! `POST /v1/auth/sessions/revoke-all`: sign out everywhere else.

use keystead_core::Result;
use serde::Serialize;

use super::view::NoRequest;
use crate::{
    frame::{context::Context, endpoint::Endpoint},
    sign_in::sessions,
    v1::{face::V1, person::Person},
};

/// `POST /v1/auth/sessions/revoke-all`.
pub struct V1RevokeSessions;

/// They are over.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    /// How many there were, of those that were listed.
    revoked: usize,
}

impl Endpoint for V1RevokeSessions {
    const NAME: &'static str = "v1-revoke-sessions";
    const ROUTE: &'static str = "POST /v1/auth/sessions/revoke-all";
    const SUMMARY: &'static str = "End all of one's own sessions but the one that asks.";

    type Face = V1;
    type Caller = Person;
    type Request = NoRequest;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, _: NoRequest, (): ()) -> Result<Reply> {
        let current = &caller.login.login_id;
        let live = sessions::live(cx, &caller.account).await?;
        sessions::revoke_others(cx, &cx.audit(&caller.origin), &caller.account, current).await?;
        Ok(Reply {
            revoked: live.iter().filter(|login| login.login_id != *current).count(),
        })
    }
}
