//! `POST /api/license-keys/reset`: let a key be bound to another machine.

use keystead_core::{
    Error, Result,
    error::{Denial, ErrorCode},
    event::EventType,
};
use serde::Serialize;

use super::{
    buyer::{Bought, Request},
    face::KeysForBuyers,
    key_rules,
};
use crate::frame::{callers::SignedIn, context::Context, endpoint::Endpoint, reply::True};

/// `POST /api/license-keys/reset`.
pub struct LicenseKeysReset;

/// That it is done, and nothing beside.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    success: True,
}

impl Endpoint for LicenseKeysReset {
    const NAME: &'static str = "license-keys-reset";
    const ROUTE: &'static str = "POST /api/license-keys/reset";
    const SUMMARY: &'static str = "Let a key be bound to another machine.";
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["key"]];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::MissingFields,
        ErrorCode::LicenseNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ResetDisabled,
        ErrorCode::LicenseNotActive,
    ];

    type Face = KeysForBuyers;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = Bought;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.check()
    }

    async fn call(cx: &Context, caller: SignedIn, _: Request, bought: Bought) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let license = bought.license()?;
        let rules = key_rules(cx, &license, now).await?;
        if rules.allow_buyer_reset == Some(false) {
            return Err(Error::Denied(Denial::ResetDisabled));
        }
        cx.store
            .license_change(license, EventType::Unbound, &audit, |license| {
                license.active(now)?;
                Ok(Some(license.unbind()))
            })
            .await?;
        Ok(Reply { success: True })
    }
}
