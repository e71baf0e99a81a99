//! `POST /api/auth/forgot-password`: be mailed what sets another password.

use keystead_core::{
    Result, Timestamp,
    account::{Account, AccountId, password::PasswordHash},
    error::ErrorCode,
    request::rate_limit::Allowances,
    signing::account_token::Purpose,
    value::email::{Email, Mailbox},
};
use serde::Deserialize;

use super::{counted_account, face::Accounts, link, token};
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint, mail::Mail, reply::Done};

/// `POST /api/auth/forgot-password`.
pub struct AuthForgotPassword;

/// Who forgot it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    email: Mailbox,
}

impl Endpoint for AuthForgotPassword {
    const NAME: &'static str = "auth-forgot-password";
    const ROUTE: &'static str = "POST /api/auth/forgot-password";
    const SUMMARY: &'static str = "Be mailed what sets another password.";
    const REQUIRED: &'static [&'static str] = &["email"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let address = Email::from(request.email);
        let known = counted_account(cx, &caller.origin, &address, &Allowances::FORGOTTEN, now).await?;
        let is_known = known.is_some();
        // Where there is no account, a token for none is signed all the same, and mailed to nobody.
        let account = known.map_or_else(|| nobody(cx, &address, now), Ok)?;
        let token = token(cx, Purpose::Reset, &account, now)?;
        let mail = if is_known {
            Mail {
                to: account.address,
                subject: "Set a new password".to_owned(),
                text: format!(
                    "Someone asked for a new password for the account with this address. If it was you, set one with \
                     this:\n\n{}\n\nIt is good for an hour, and once. If it was not you, do nothing: your password \
                     stays.\n",
                    link(cx, "reset", &token)
                ),
            }
        } else {
            Mail {
                to: address,
                subject: "You have no account".to_owned(),
                text: "Someone asked for a new password for the account with this address, and there is none. If it \
                       was you, you may have registered with another address.\n"
                    .to_owned(),
            }
        };
        cx.mailer.send(mail).await?;
        Ok(Done {})
    }
}

/// An account that there is not.
fn nobody(cx: &Context, address: &Email, now: Timestamp) -> Result<Account> {
    Ok(Account {
        email: address.to_folded(),
        account_id: AccountId::new(&cx.ids, now)?,
        address: address.clone(),
        password: PasswordHash::none(),
        version: 0,
        created_at: now,
    })
}
