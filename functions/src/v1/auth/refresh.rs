//! `POST /v1/auth/refresh`: get another access token.

use keystead_core::{
    Error, Result,
    account::refresh_token::RefreshToken,
    error::{Credential, ErrorCode},
    signing::secrets::SecretName,
};
use serde::{Deserialize, Serialize};

use super::tokens::Tokens;
use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint},
    v1::face::V1,
};

/// `POST /v1/auth/refresh`.
pub struct V1Refresh;

/// The refresh token that came with the access token.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    refresh_token: String,
}

/// The next tokens.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    tokens: Tokens,
}

impl Endpoint for V1Refresh {
    const NAME: &'static str = "v1-refresh";
    const ROUTE: &'static str = "POST /v1/auth/refresh";
    const SECRETS: &'static [SecretName] = &[SecretName::Accounts];
    const SUMMARY: &'static str =
        "Get another access token. A refresh token is good once: one that is shown again ends the session.";
    const REQUIRED: &'static [&'static str] = &["refreshToken"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::Unauthorized];

    type Face = V1;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Reply> {
        // What was made up is no seal of ours: it costs no read.
        let shown = RefreshToken::open(&request.refresh_token, &cx.account_keys.get()?.sealing)?;
        let shown = shown.ok_or(Error::Unauthenticated(Credential::Caller))?;
        let next = shown.next(&cx.ids)?;
        let audit = cx.audit(&caller.origin);
        let (account, _) = cx
            .store
            .login_refresh(&shown, &next, &cx.config.accounts, &audit)
            .await?;
        Ok(Reply {
            tokens: Tokens::of(cx, &account, &next, audit.now)?,
        })
    }
}
