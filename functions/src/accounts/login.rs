//! `POST /api/auth/login`: sign in.

use keystead_core::{
    Error, Result, Timestamp,
    account::{self, login::LoginId, password::Password},
    error::{Credential, ErrorCode},
    request::rate_limit::Allowances,
    signing::account_token::{AccountClaims, AccountToken, Purpose},
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use super::{AccountView, cookie, counted_account, face::Accounts};
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Head};

/// `POST /api/auth/login`.
pub struct AuthLogin;

/// Who signs in.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    email: Email,
    password: Password,
}

/// They are signed in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// What they show from now on; the cookie holds the same.
    token: AccountToken,
    expires_at: Timestamp,
    account: AccountView,
}

impl Endpoint for AuthLogin {
    const NAME: &'static str = "auth-login";
    const ROUTE: &'static str = "POST /api/auth/login";
    const SUMMARY: &'static str = "Sign in.";
    const REQUIRED: &'static [&'static str] = &["email", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::Busy, ErrorCode::WrongPassword];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    fn head(cx: &Context, reply: &Reply) -> Head {
        Head {
            cookie: Some(cookie(reply.token.as_str(), cx.config.accounts.login_life.as_secs())),
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Reply> {
        let now = cx.clock.now();
        let found = counted_account(cx, &caller.origin, &request.email, &Allowances::LOGINS, now).await?;
        let known = found.as_ref().map(|account| account.password.clone());
        let right = cx.passwords.matches(request.password, known, now).await?;
        let account = found
            .filter(|_| right)
            .ok_or(Error::Unauthenticated(Credential::Password))?;
        let login = account::login::Login {
            email: account.email.clone(),
            login_id: LoginId::new(&cx.ids)?,
            created_at: now,
            expires_at: (now + cx.config.accounts.login_life).seconds(),
        };
        let claims = AccountClaims {
            login: Some(login.login_id.clone()),
            ..AccountClaims::new(
                &cx.config.issuer,
                Purpose::Login,
                &account,
                now,
                cx.config.accounts.login_life,
            )
        };
        cx.store.login_create(&login).await?;
        Ok(Reply {
            token: cx.account_keys.issue(&claims)?,
            expires_at: claims.expiry(),
            account: AccountView::from(&account),
        })
    }
}
