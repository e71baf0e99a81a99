//! `POST /api/auth/verify`: show that an address is one's own.

use keystead_core::{
    Error, Result,
    account::{AccountToken, Purpose},
};
use serde::Deserialize;

use super::mailed;
use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Done,
};

/// `POST /api/auth/verify`.
pub struct AuthVerify;

/// What was mailed.
#[derive(Deserialize)]
pub struct Request {
    token: AccountToken,
}

impl Endpoint for AuthVerify {
    const NAME: &'static str = "auth-verify";
    const ROUTE: &'static str = "POST /api/auth/verify";
    const AUTH: Auth = Auth::Public;
    const FACE: Face = Face::Auth;
    const REQUIRED: &'static [&'static str] = &["token"];

    type Request = Request;
    type Fetched = ();
    type Reply = Done;

    async fn call(cx: &Context, _: Caller, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let account = mailed(cx, &request.token, Purpose::Verify, now).await?;
        let Some(verified) = account.verify(now) else {
            return Ok(Done::default());
        };
        if cx.store.change_account(&account, &verified).await? {
            return Ok(Done::default());
        }
        // Changed meanwhile: by this same token, or by someone who registered, so that this token is good no more.
        let account = mailed(cx, &request.token, Purpose::Verify, now).await?;
        account
            .verified_at
            .map(|_| Done::default())
            .ok_or(Error::InvalidMailToken)
    }
}
