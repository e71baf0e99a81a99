//! A password that who reads a mailbox sets, as `/api/auth` asks for it and answers.

use keystead_core::{
    Result,
    account::{device::DeviceToken, password::NewPassword, secret::Secret},
};
use serde::{Deserialize, Serialize};

use super::device::known_device;
use crate::{
    frame::{callers::Anyone, context::Context, reply::Head},
    sign_in::new_password,
};

/// What was mailed, and the password to be set.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "NewPasswordRequest")
)]
pub struct Request {
    token: Secret,
    password: NewPassword,
}

/// The password is set.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "PasswordSet"))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// By what this device is known at `/api/auth/login` from now on. A browser has it in a cookie instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<DeviceToken>,
    #[serde(skip)]
    cookies: Vec<String>,
}

impl Reply {
    /// What the reply says beside its body.
    pub(super) fn head(&self) -> Head {
        Head {
            cookies: self.cookies.clone(),
            ..Head::default()
        }
    }
}

/// Sets the password that is shown with a mailed token.
pub(super) async fn set(cx: &Context, caller: Anyone, request: Request) -> Result<Reply> {
    let account = new_password::set(cx, &caller.origin, &request.token, request.password).await?;
    let (device_token, cookies) = known_device(cx, &account.email, caller.in_browser, cx.clock.now()).await?;
    Ok(Reply { device_token, cookies })
}
