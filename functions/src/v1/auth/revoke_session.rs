//! `POST /v1/auth/sessions/{id}/revoke`: sign out somewhere.

use keystead_core::{Result, account::login::LoginId};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{context::Context, endpoint::Endpoint, reply::True},
    sign_in::sessions,
    v1::{face::V1, person::Person},
};

/// `POST /v1/auth/sessions/{id}/revoke`.
pub struct V1RevokeSession;

/// Which of one's own sessions.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    id: LoginId,
}

/// It is over.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    revoked: True,
}

impl Endpoint for V1RevokeSession {
    const NAME: &'static str = "v1-revoke-session";
    const ROUTE: &'static str = "POST /v1/auth/sessions/{id}/revoke";
    const SUMMARY: &'static str = "End one of one's own sessions. One that is over stays so.";

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, (): ()) -> Result<Reply> {
        sessions::revoke(cx, &cx.audit(&caller.origin), &caller.account, &request.id).await?;
        Ok(Reply::default())
    }
}
