//! `POST /api/auth/register`: ask for an account.

use keystead_core::{
    Result,
    account::{AccountId, Registration, password::Password},
    error::ErrorCode,
    request::rate_limit::Allowances,
    signing::account_token::Purpose,
    value::email::{Email, Mailbox},
};
use serde::Deserialize;

use super::{counted_account, face::Accounts, link, token};
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint, mail::Mail, reply::Done};

/// `POST /api/auth/register`.
pub struct AuthRegister;

/// Who registers.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    email: Mailbox,
    password: Password,
}

impl Endpoint for AuthRegister {
    const NAME: &'static str = "auth-register";
    const ROUTE: &'static str = "POST /api/auth/register";
    const SUMMARY: &'static str = "Make an account.";
    const REQUIRED: &'static [&'static str] = &["email", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::Busy];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let address = Email::from(request.email);
        let known = counted_account(cx, &caller.origin, &address, &Allowances::REGISTRATIONS, now).await?;
        let password = cx.passwords.hash(request.password, cx.ids.bytes()?, now).await?;
        let expiry = now + cx.config.accounts.verify_life;
        let registration = Registration::new(AccountId::new(&cx.ids, now)?, address, password, expiry);
        // The same is done where there is an account, though nobody is ever mailed what would verify it: the time that
        // this takes tells nothing.
        cx.store.registration_create(&registration).await?;
        let token = token(cx, Purpose::Verify, &registration.verified(now), now)?;
        let mail = match known {
            None => Mail {
                to: registration.address,
                subject: "Verify your email address".to_owned(),
                text: format!(
                    "An account was registered with this address. If it was you, just now, verify the address with \
                     this:\n\n{}\n\nIt is good for a day. If it was not you, do nothing: whoever it was gets no \
                     account.\n",
                    link(cx, "verify", &token)
                ),
            },
            Some(account) => Mail {
                to: account.address,
                subject: "You have an account".to_owned(),
                text: "Someone tried to register an account with this address, which has one. If it was you, sign in, \
                       or ask for a new password if you have forgotten yours. If it was not you, do nothing: your \
                       account is as it was.\n"
                    .to_owned(),
            },
        };
        cx.mailer.send(mail).await?;
        Ok(Done {})
    }
}
