//! `POST /api/license-keys/shuffle`: exchange a key for a new one.

use keystead_core::{
    Error, Result,
    error::{Denial, ErrorCode, Noun},
    license::{License, key::LicenseKey},
    product::key_rules::KeyFormat,
};
use serde::Serialize;

use super::{Request, buyer, face::KeysForBuyers, key_rules};
use crate::frame::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
};

/// `POST /api/license-keys/shuffle`.
pub struct LicenseKeysShuffle;

/// The new key. The old one is good for nothing from now on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    key: LicenseKey,
}

impl Endpoint for LicenseKeysShuffle {
    const NAME: &'static str = "license-keys-shuffle";
    const ROUTE: &'static str = "POST /api/license-keys/shuffle";
    const SUMMARY: &'static str = "Exchange a key for a new one.";
    const AUTH: Auth = Auth::Login;
    const REQUIRED: &'static [&'static str] = &["key"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::LicenseNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ShuffleDisabled,
        ErrorCode::LicenseNotActive,
    ];

    type Face = KeysForBuyers;
    type Request = Request;
    type Fetched = Option<License>;
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        request.key.license(cx).await
    }

    async fn call(cx: &Context, caller: Caller, request: Request, fetched: Self::Fetched) -> Result<Reply> {
        let audit = cx.audit(&caller);
        let now = audit.now;
        // First of all, so that it is the same when this request is carried out again.
        let event_id = audit.event_id()?;
        let Some(license) = fetched else {
            for key in request.key.meant() {
                if let Some(license) = cx.store.license_by_key_exchange(&key, &event_id).await? {
                    buyer(&caller, &license)?;
                    return Ok(Reply {
                        key: license.license_key,
                    });
                }
            }
            return Err(Error::NotFound(Noun::License));
        };
        buyer(&caller, &license)?;
        let rules = key_rules(cx, &license, now).await?;
        if rules.allow_buyer_shuffle == Some(false) {
            return Err(Error::Denied(Denial::ShuffleDisabled));
        }
        let key = LicenseKey::new(&cx.ids, KeyFormat::Grouped, &rules.key_prefix.unwrap_or_default())?;
        let reissue = |license: &License| {
            license.active(now)?;
            Ok(license.reissue(key.clone()))
        };
        let license = cx
            .store
            .license_exchange_key(license, &event_id, &audit, reissue)
            .await?;
        Ok(Reply {
            key: license.license_key,
        })
    }
}
