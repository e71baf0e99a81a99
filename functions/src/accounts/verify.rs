//! `POST /api/auth/verify`: show that an address is one's own, and choose a password.

use keystead_core::{Result, error::ErrorCode};

use super::{
    face::Accounts,
    new_password::{self, Reply, Request},
};
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Head};

/// `POST /api/auth/verify`.
pub struct AuthVerify;

impl Endpoint for AuthVerify {
    const NAME: &'static str = "auth-verify";
    const ROUTE: &'static str = "POST /api/auth/verify";
    const SUMMARY: &'static str = "Show that an address is one's own, and choose a password.";
    const REQUIRED: &'static [&'static str] = &["token", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::InvalidMailToken, ErrorCode::TooManyAttempts, ErrorCode::Busy];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    fn head(_: &Context, reply: &Reply) -> Head {
        reply.head()
    }

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Reply> {
        new_password::set(cx, caller, request).await
    }
}
