//! `POST /api/license-keys/reset`: let a key be bound to another machine.

use keystead_core::{
    Error, Result,
    error::{Denial, ErrorCode},
    event::EventType,
    license::License,
};

use super::{Request, buyer, found, key_rules};
use crate::{
    flat::wire::Done,
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
        face::Face,
    },
};

/// `POST /api/license-keys/reset`.
pub struct LicenseKeysReset;

impl Endpoint for LicenseKeysReset {
    const NAME: &'static str = "license-keys-reset";
    const ROUTE: &'static str = "POST /api/license-keys/reset";
    const SUMMARY: &'static str = "Let a key be bound to another machine.";
    const AUTH: Auth = Auth::Login;
    const FACE: Face = Face::LicenseKeysBuyer;
    const REQUIRED: &'static [&'static str] = &["key"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::LicenseNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ResetDisabled,
        ErrorCode::LicenseNotActive,
    ];

    type Request = Request;
    type Fetched = Option<License>;
    type Reply = Done;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        request.key.license(cx).await
    }

    async fn call(cx: &Context, caller: Caller, _: Request, fetched: Self::Fetched) -> Result<Done> {
        let now = cx.clock.now();
        let license = found(fetched)?;
        buyer(&caller, &license)?;
        let rules = key_rules(cx, &license, now).await?;
        if rules.allow_buyer_reset == Some(false) {
            return Err(Error::Denied(Denial::ResetDisabled));
        }
        let event = cx.event(EventType::Unbound, &license, &caller, now)?;
        cx.store
            .license_change(license, &event, |license| {
                license.active(now)?;
                Ok(Some(license.unbind()))
            })
            .await?;
        Ok(Done::default())
    }
}
