//! `POST /api/auth/change-email`: be mailed, at another address, what makes it the account's.

use keystead_core::{
    Result,
    account::{
        mail_token::{Asked, MailToken},
        password::Password,
        secret::Secret,
    },
    error::ErrorCode,
    value::email::{Email, Mailbox},
};
use serde::Deserialize;

use super::{change_password::confirm, face::Accounts};
use crate::{
    frame::{
        callers::SignedIn,
        context::Context,
        endpoint::Endpoint,
        mail::{Mail, link},
        reply::Done,
    },
    sign_in::allowance::count_mail,
};

/// `POST /api/auth/change-email`.
pub struct AuthChangeEmail;

/// The address that the account is to have, and its password.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    email: Mailbox,
    password: Password,
}

impl Endpoint for AuthChangeEmail {
    const NAME: &'static str = "auth-change-email";
    const ROUTE: &'static str = "POST /api/auth/change-email";
    const SUMMARY: &'static str = "Be mailed, at another address, what makes it the account's.";
    const REQUIRED: &'static [&'static str] = &["email", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::Busy, ErrorCode::MailNotSetUp];

    type Face = Accounts;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: SignedIn, request: Request, (): ()) -> Result<Done> {
        let address = Email::from(request.email);
        let account = caller.account;
        cx.mailer.is_set_up()?;
        let audit = cx.audit(&caller.origin);
        confirm(
            cx,
            &account,
            &caller.login.login_id,
            request.password,
            "password",
            &audit,
        )
        .await?;
        let now = audit.now;
        let (other, may_be_sent) = count_mail(cx, &caller.origin, &address, now).await?;
        if !may_be_sent {
            return Ok(Done {});
        }
        let secret = Secret::new(&cx.ids)?;
        let asked = Asked::by(&caller.origin, now);
        let expiry = now + cx.config.accounts.reset_life;
        let token = MailToken::for_address(&secret, &address, &account, asked, expiry);
        cx.store.mail_token_create(&token).await?;
        // The mailbox's owner is told what the answer does not tell: that there is an account.
        let taken = other.is_some_and(|other| other.account_id != account.account_id);
        let text = if taken {
            "Someone wanted to make this the address of another account, and it has one of its own. If it was you, sign in \
             to that one. If it was not you, do nothing: your account is as it was.\n"
                .to_owned()
        } else {
            format!(
                "Someone wants to make this the address of their account. If it was you, confirm it, signed in to that \
                 account, with this:\n\n{}\n\nIt is good for an hour, and once. If it was not you, do nothing.\n",
                link(&cx.config, "email", &secret)
            )
        };
        let mail = Mail {
            to: address,
            subject: "Confirm your new address".to_owned(),
            text,
        };
        cx.mailer.send(mail).await?;
        Ok(Done {})
    }
}
