//! `POST /api/auth/verify`: show that an address is one's own.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::ErrorCode,
    signing::account_token::{AccountToken, Purpose},
};
use serde::Deserialize;

use super::face::Accounts;
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Done};

/// `POST /api/auth/verify`.
pub struct AuthVerify;

/// What was mailed.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    token: AccountToken,
}

impl Endpoint for AuthVerify {
    const NAME: &'static str = "auth-verify";
    const ROUTE: &'static str = "POST /api/auth/verify";
    const SUMMARY: &'static str = "Show that an address is one's own.";
    const REQUIRED: &'static [&'static str] = &["token"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::InvalidMailToken];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, _: Anyone, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let claims = cx.account_keys.verify(&request.token, Purpose::Verify, now).await?;
        let claims = claims.ok_or(Error::Invalid(InvalidRequest::MailToken))?;
        let (account, registration) = tokio::try_join!(
            cx.store.account_get(&claims.email),
            cx.store.registration_get(&claims.email, &claims.sub)
        )?;
        let account = match (account, registration) {
            (Some(account), _) => Some(account),
            // Of several that were asked for with one address, the first to be verified is the account.
            (None, Some(registration)) => cx.store.account_create(registration.verified(now)).await?,
            (None, None) => None,
        };
        // The same token again verifies the same account.
        let account = account.filter(|account| account.account_id == claims.sub);
        account
            .map(|_| Done {})
            .ok_or(Error::Invalid(InvalidRequest::MailToken))
    }
}
