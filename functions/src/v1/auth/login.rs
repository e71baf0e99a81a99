//! `POST /v1/auth/login`: sign in.

use keystead_core::{
    Result,
    account::{device::DeviceToken, password::Password},
    error::ErrorCode,
    signing::secrets::SecretName,
    value::email::Email,
};
use serde::Deserialize;

use super::{
    tokens::Tokens,
    view::{SignIn, UserView},
};
use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint},
    sign_in::{device, login},
    v1::face::V1,
};

/// `POST /v1/auth/login`.
pub struct V1Login;

/// Who signs in.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    email: Email,
    password: Password,
    /// By what this device is known, if it has signed in before.
    device_token: Option<DeviceToken>,
}

impl Endpoint for V1Login {
    const NAME: &'static str = "v1-login";
    const ROUTE: &'static str = "POST /v1/auth/login";
    const SECRETS: &'static [SecretName] = &[SecretName::Accounts];
    const SUMMARY: &'static str = "Sign in.";
    const REQUIRED: &'static [&'static str] = &["email", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::Busy, ErrorCode::WrongPassword];

    type Face = V1;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = SignIn;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<SignIn> {
        let audit = cx.audit(&caller.origin);
        let holder = login::holder(cx, &audit, &request.email, request.password, request.device_token).await?;
        let account = holder.account;
        let device_token = if holder.has_known_device {
            None
        } else {
            Some(device::remember(cx, &account.email, audit.now).await?)
        };
        let tokens = Tokens::begin(cx, audit, &account).await?;
        Ok(SignIn {
            user: UserView::from(account),
            tokens,
            device_token,
        })
    }
}
