//! `POST /api/auth/login`: sign in.

use keystead_core::{
    Error, Result, Timestamp,
    account::{
        self,
        device::DeviceToken,
        login::{ClientKind, LoginId},
        password::Password,
    },
    error::{Credential, ErrorCode},
    event::{Actor, EventType},
    request::client_address::Tier,
    signing::{
        account_token::{AccountClaims, AccountToken, Purpose},
        secrets::SecretName,
    },
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use super::{AccountView, allowance::LoginAttempt, face::Accounts, new_password::known_device};
use crate::frame::{browser, callers::Anyone, context::Context, endpoint::Endpoint, reply::Head};

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
        let now = cx.clock.now();
        let shown = request.device_token.or(caller.device);
        let (found, is_known) = cx
            .store
            .account_get_with_device(&request.email, shown.as_ref(), now)
            .await?;
        let device = shown.filter(|_| is_known);
        let attempt = LoginAttempt::count(cx, &caller.origin, &request.email, device.as_ref(), now).await?;
        let known = found.as_ref().map(|account| account.password.clone());
        let right = match cx.passwords.matches(request.password, known, now).await {
            Ok(right) => right,
            Err(error) => {
                // Nothing was looked at: those who keep the service busy use up nobody's attempts.
                attempt.take_back(cx).await;
                return Err(error);
            }
        };
        let audit = cx.audit(&caller.origin);
        let Some(account) = found.as_ref().filter(|_| right) else {
            let account = found.as_ref().map(|account| &account.account_id);
            let network = caller.origin.address.network(Tier::Organisation);
            cx.store
                .event_count_wrong_password(account, &request.email, &network, &audit)
                .await?;
            return Err(Error::Unauthenticated(Credential::Password));
        };
        attempt.take_back(cx).await;
        let life = cx.config.accounts.login_life;
        let login = account::login::Login {
            email: account.email.clone(),
            login_id: LoginId::new(&cx.ids, now)?,
            version: account.version,
            created_at: now,
            last_seen_at: now,
            expires_at: (now + life).seconds(),
            ip: caller.origin.address.ip(),
            user_agent: caller.origin.user_agent.clone(),
        };
        let claims = AccountClaims {
            login: Some(login.login_id.clone()),
            ..AccountClaims::new(&cx.config.issuer, Purpose::Login, account, now, life)
        };
        let entry = audit
            .by(Actor::account(&account.account_id))
            .entry_of_account(EventType::SignedIn, &account.account_id)?
            .with("session", login.login_id.as_str());
        cx.store.login_create(&login, &entry).await?;
        let token = cx.account_keys.issue(&claims)?;
        let in_browser = match request.client {
            Some(ClientKind::Browser) => true,
            Some(ClientKind::Tool) => false,
            None => caller.in_browser,
        };
        let (device_token, mut cookies) = match device {
            Some(_) => (None, Vec::new()),
            None => known_device(cx, &account.email, in_browser, now).await?,
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
