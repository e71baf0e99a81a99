//! `POST /v1/auth/register`: ask for an account.

use http::StatusCode;
use keystead_core::{
    Error, Result,
    account::{
        AccountName, Registration,
        mail_token::NewAccount,
        secret::{Secret, SecretHash},
    },
    error::{ErrorCode, Restriction},
    value::email::{Email, Mailbox},
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{
        callers::Newcomer,
        context::Context,
        endpoint::Endpoint,
        reply::{Head, True},
    },
    sign_in::mails::{Wish, mail_password_link},
    v1::face::V1,
};

/// `POST /v1/auth/register`.
pub struct V1Register;

/// For which address. A password that is sent is ignored: it is chosen with what is mailed.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    email: Mailbox,
    name: Option<AccountName>,
    /// What was mailed with an invite to this address: it is accepted once the address is verified.
    invite_token: Option<Secret>,
}

/// It was mailed what verifies the address, or what sets the password of the account that it has.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    verification_sent: True,
}

impl Endpoint for V1Register {
    const NAME: &'static str = "v1-register";
    const ROUTE: &'static str = "POST /v1/auth/register";
    const SUMMARY: &'static str = "Ask for an account.";
    const REQUIRED: &'static [&'static str] = &["email"];
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::InvitationOnly,
        ErrorCode::TooManyAttempts,
        ErrorCode::MailNotSetUp,
    ];

    type Face = V1;
    type Caller = Newcomer;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    fn head(_: &Context, _: &Reply) -> Head {
        Head::created()
    }

    async fn call(cx: &Context, caller: Newcomer, request: Request, (): ()) -> Result<Reply> {
        let email = Email::from(request.email);
        let invite = match &request.invite_token {
            Some(token) => open_invite(cx, token, &email).await?,
            None => None,
        };
        let is_open = match cx.config.accounts.registration {
            Registration::Open => true,
            Registration::Invited => false,
        };
        // The first account of a deployment is asked for with the admin secret. Whether there are others by now makes no
        // difference: its holder is the operator, who may invite whom they like.
        if !(is_open || invite.is_some() || caller.is_operator) {
            return Err(Error::Forbidden(Restriction::InvitationOnly));
        }
        let wish = Wish::Account(NewAccount {
            name: request.name,
            invite,
        });
        mail_password_link(cx, &caller.origin, email, wish).await?;
        Ok(Reply::default())
    }
}

/// The hash of an invite's token, if the invite waits to be accepted by this address.
async fn open_invite(cx: &Context, token: &Secret, email: &Email) -> Result<Option<SecretHash>> {
    let found = cx.store.invite_by_token_unscoped(token).await?;
    let (now, email) = (cx.clock.now(), email.to_folded());
    let own = found.filter(|(invite, _)| invite.is_open(now) && invite.email.to_folded() == email);
    Ok(own.map(|(invite, _)| invite.token_hash))
}
