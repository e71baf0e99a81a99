//! `POST /api/auth/reset-password`: set another password.

use keystead_core::{
    Error, Result,
    account::{AccountToken, Purpose},
    password::Password,
};
use serde::Deserialize;

use super::mailed;
use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Done,
};

/// `POST /api/auth/reset-password`.
pub struct AuthResetPassword;

/// What was mailed, and the password to be set.
#[derive(Deserialize)]
pub struct Request {
    token: AccountToken,
    password: Password,
}

impl Endpoint for AuthResetPassword {
    const NAME: &'static str = "auth-reset-password";
    const ROUTE: &'static str = "POST /api/auth/reset-password";
    const AUTH: Auth = Auth::Public;
    const FACE: Face = Face::Auth;
    const REQUIRED: &'static [&'static str] = &["token", "password"];

    type Request = Request;
    type Fetched = ();
    type Reply = Done;

    async fn call(cx: &Context, _: Caller, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        // Before anything is hashed: only what we mailed is worth the work.
        let account = mailed(cx, &request.token, Purpose::Reset, now).await?;
        let password = cx.passwords.hash(request.password, cx.ids.salt()?, now).await?;
        let changed = account.with_new_password(password, now);
        // Once: whoever comes second finds another version of the password than the token names. So is every login from
        // before, which may be a thief's.
        if cx.store.change_account(&account, &changed).await? {
            Ok(Done::default())
        } else {
            Err(Error::InvalidMailToken)
        }
    }
}
