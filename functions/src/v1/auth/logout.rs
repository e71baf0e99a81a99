//! `POST /v1/auth/logout`: sign out.

use keystead_core::Result;
use serde::Serialize;

use super::view::NoRequest;
use crate::{
    frame::{context::Context, endpoint::Endpoint, reply::True},
    sign_in::sessions,
    v1::{face::V1, person::Person},
};

/// `POST /v1/auth/logout`.
pub struct V1Logout;

/// They are signed out: neither the access token nor the refresh token is good for anything any more.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    logged_out: True,
}

impl Endpoint for V1Logout {
    const NAME: &'static str = "v1-logout";
    const ROUTE: &'static str = "POST /v1/auth/logout";
    const SUMMARY: &'static str = "Sign out.";

    type Face = V1;
    type Caller = Person;
    type Request = NoRequest;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, _: NoRequest, (): ()) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        sessions::sign_out(cx, &audit, &caller.account, &caller.login.login_id).await?;
        Ok(Reply::default())
    }
}
