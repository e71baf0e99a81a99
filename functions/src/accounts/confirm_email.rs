//! `POST /api/auth/confirm-email`: make an address the account's.

use keystead_core::{
    Error, InvalidRequest, Result,
    account::{mail_token::MailPurpose, secret::Secret},
    error::ErrorCode,
    event::EventType,
};
use serde::Deserialize;
use serde_json::json;

use super::face::Accounts;
use crate::{
    frame::{
        browser,
        callers::SignedIn,
        context::Context,
        endpoint::Endpoint,
        reply::{Done, Head},
    },
    sign_in::mails,
};

/// `POST /api/auth/confirm-email`.
pub struct AuthConfirmEmail;

/// What was mailed to the new address.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    token: Secret,
}

impl Endpoint for AuthConfirmEmail {
    const NAME: &'static str = "auth-confirm-email";
    const ROUTE: &'static str = "POST /api/auth/confirm-email";
    const SUMMARY: &'static str = "Make an address the account's. Every session ends.";
    const REQUIRED: &'static [&'static str] = &["token"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::InvalidMailToken];

    type Face = Accounts;
    // Signed in, and not by the token alone: an address that was mistyped is somebody else's mailbox.
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    fn head(_: &Context, _: &Done) -> Head {
        Head {
            cookies: vec![browser::set_cookie(browser::SESSION, "", 0)],
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: SignedIn, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let account = caller.account;
        let token = cx.store.mail_token_get(&request.token).await?;
        let token = token.filter(|token| token.serves(MailPurpose::Address, now) && token.is_for(&account));
        let token = token.ok_or(Error::Invalid(InvalidRequest::MailToken))?;
        let asked = json!(token.asked);
        let moved = account.with_new_address(token.address);
        let entry = cx
            .audit(&caller.origin)
            .entry_of_account(EventType::AddressChanged, &account.account_id)?
            .with("from", account.address.as_str())
            .with("to", moved.address.as_str())
            .with("asked", asked);
        let done = if moved.email == account.email {
            // The same but for its letter case.
            cx.store.account_change(&account, &moved, &entry).await?
        } else {
            cx.store.account_move(&account, &moved, &entry).await?
        };
        done.then_some(()).ok_or(Error::Invalid(InvalidRequest::MailToken))?;
        cx.mailer.notify(mails::address_changed(&account)).await;
        Ok(Done {})
    }
}
