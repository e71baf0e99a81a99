//! What somebody shows who is signed in at `/v1`: an access token, for minutes, and a refresh token that gets the next one.

use keystead_core::{
    Result, Timestamp,
    account::{Account, login::Login, refresh_token::RefreshToken},
    audit::Audit,
    signing::account_token::{AccountClaims, AccountToken, Purpose},
};
use serde::Serialize;

use crate::{frame::context::Context, sign_in::login};

/// The tokens of a login.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Tokens {
    access_token: AccountToken,
    /// It is good once: the next one comes with its answer.
    refresh_token: String,
    /// For how many seconds the access token is good.
    expires_in: u64,
}

impl Tokens {
    /// The tokens of a login that is continued by `refresh`.
    pub(super) fn of(cx: &Context, account: &Account, refresh: &RefreshToken, now: Timestamp) -> Result<Self> {
        let life = cx.config.accounts.access_life;
        let issuer = &cx.config.issuer;
        let claims = AccountClaims::of_login(issuer, Purpose::Access, account, &refresh.login_id, now, life);
        Ok(Self {
            access_token: cx.account_keys.issue(&claims)?,
            refresh_token: refresh.seal(&cx.account_keys.get()?.sealing)?,
            expires_in: life.as_secs(),
        })
    }

    /// Signs an account's holder in, and answers the first tokens of that login.
    pub(super) async fn begin(cx: &Context, audit: Audit, account: &Account) -> Result<Self> {
        let now = audit.now;
        let begun = login::login(cx, &audit, account, cx.config.accounts.refresh_life)?;
        let refresh = RefreshToken::new(&cx.ids, &begun.email, &begun.login_id)?;
        let begun = Login {
            refresh: Some(refresh.hash()),
            ..begun
        };
        login::begin(cx, audit, account, &begun).await?;
        Self::of(cx, account, &refresh, now)
    }
}
