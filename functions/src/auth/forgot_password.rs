//! `POST /api/auth/forgot-password`: be mailed what sets another password.

use keystead_core::{Result, email::Email};
use serde::Deserialize;

use super::{asked_for_mail, not_registered, reset};
use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Done,
};

/// `POST /api/auth/forgot-password`.
pub struct AuthForgotPassword;

/// Who forgot it.
#[derive(Deserialize)]
pub struct Request {
    email: Email,
}

impl Endpoint for AuthForgotPassword {
    const NAME: &'static str = "auth-forgot-password";
    const ROUTE: &'static str = "POST /api/auth/forgot-password";
    const AUTH: Auth = Auth::Public;
    const FACE: Face = Face::Auth;
    const REQUIRED: &'static [&'static str] = &["email"];

    type Request = Request;
    type Fetched = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: Caller, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let mail = match asked_for_mail(cx, &caller, &request.email, now).await? {
            Some(account) => reset(cx, &account, now)?,
            None => not_registered(&request.email),
        };
        cx.mailer.send(mail).await?;
        Ok(Done::default())
    }
}
