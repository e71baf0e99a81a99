//! `POST /api/auth/login`: sign in.

use keystead_core::{
    Result, Timestamp,
    account::{device::DeviceToken, login::ClientKind, password::Password},
    error::ErrorCode,
    signing::{
        account_token::{AccountClaims, AccountToken, Purpose},
        secrets::SecretName,
    },
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use super::{AccountView, device::known_device, face::Accounts};
use crate::{
    frame::{browser, callers::Anyone, context::Context, endpoint::Endpoint, reply::Head},
    sign_in::login,
};

/// `POST /api/auth/login`.
pub struct AuthLogin;

/// Who signs in.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    email: Email,
    password: Password,
    /// How the login is to be shown. Without it, a browser is told by its headers.
    client: Option<ClientKind>,
    /// By what this device is known, if it has signed in before. A browser shows it in a cookie instead.
    device_token: Option<DeviceToken>,
}

/// They are signed in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// What a tool shows from now on. A browser has it in a cookie instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<AccountToken>,
    expires_at: Timestamp,
    account: AccountView,
    /// By what this device is known from now on: where it was not known before. A browser has it in a cookie instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<DeviceToken>,
    #[serde(skip)]
    cookies: Vec<String>,
}

impl Endpoint for AuthLogin {
    const NAME: &'static str = "auth-login";
    const ROUTE: &'static str = "POST /api/auth/login";
    const SECRETS: &'static [SecretName] = &[SecretName::Accounts];
    const SUMMARY: &'static str = "Sign in.";
    const REQUIRED: &'static [&'static str] = &["email", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::Busy, ErrorCode::WrongPassword];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    fn head(_: &Context, reply: &Reply) -> Head {
        Head {
            cookies: reply.cookies.clone(),
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let shown = request.device_token.or(caller.device);
        let holder = login::holder(cx, &audit, &request.email, request.password, shown).await?;
        let account = &holder.account;
        let life = cx.config.accounts.login_life;
        let login = login::login(cx, &audit, account, life)?;
        login::begin(cx, audit, account, &login).await?;
        let claims = AccountClaims::of_login(&cx.config.issuer, Purpose::Login, account, &login.login_id, now, life);
        let token = cx.account_keys.issue(&claims)?;
        let in_browser = match request.client {
            Some(ClientKind::Browser) => true,
            Some(ClientKind::Tool) => false,
            None => caller.in_browser,
        };
        let (device_token, mut cookies) = if holder.has_known_device {
            (None, Vec::new())
        } else {
            known_device(cx, &account.email, in_browser, now).await?
        };
        if in_browser {
            cookies.push(browser::set_cookie(browser::SESSION, token.as_str(), life.as_secs()));
        }
        Ok(Reply {
            token: (!in_browser).then_some(token),
            expires_at: claims.expiry(),
            account: AccountView::from(account),
            device_token,
            cookies,
        })
    }
}
