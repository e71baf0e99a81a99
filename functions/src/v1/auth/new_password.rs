//! A password that who reads a mailbox sets, as `/v1` asks for it and answers: they are signed in by it.

use keystead_core::{
    Result,
    account::{password::NewPassword, secret::Secret},
    audit::Origin,
};
use serde::Deserialize;

use super::{
    tokens::Tokens,
    view::{SignIn, UserView},
};
use crate::{
    frame::context::Context,
    sign_in::{device, new_password},
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

/// Sets the password that is shown with a mailed token, and signs in.
pub(super) async fn set(cx: &Context, origin: &Origin, request: Request) -> Result<SignIn> {
    let account = new_password::set(cx, origin, &request.token, request.password).await?;
    let audit = cx.audit(origin);
    let device = device::remember(cx, &account.email, audit.now).await?;
    let tokens = Tokens::begin(cx, audit, &account).await?;
    Ok(SignIn {
        user: UserView::from(account),
        tokens,
        device_token: Some(device),
    })
}
