//! `POST /api/license-keys/shuffle`: exchange a key for a new one.

use keystead_core::{
    Error, Result,
    error::{Denial, ErrorCode, Noun},
    license::{License, key::LicenseKey},
    product::key_rules::KeyFormat,
};
use serde::Serialize;

use super::{Request, face::KeysForBuyers, key_rules};
use crate::frame::{callers::SignedIn, context::Context, endpoint::Endpoint, subject::Subject};

/// `POST /api/license-keys/shuffle`.
pub struct LicenseKeysShuffle;

/// The new key. The old one is good for nothing from now on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    key: LicenseKey,
}

/// The license whose key is to be exchanged.
pub enum Shuffled {
    /// The key is its license's.
    Current(Box<License>),
    /// The key is no license's: it may have been exchanged by this same request, whose reply was lost.
    Gone,
}

impl Subject<Request, SignedIn> for Shuffled {
    type Prefetched = Option<License>;

    async fn prefetch(cx: &Context, request: &Request) -> Result<Option<License>> {
        request.key.license(cx).await
    }

    async fn admit(_: &Context, caller: &SignedIn, _: &Request, license: Option<License>) -> Result<Self> {
        match license {
            Some(license) => {
                license.bought_by(&caller.account.email)?;
                Ok(Self::Current(Box::new(license)))
            }
            None => Ok(Self::Gone),
        }
    }
}

impl Endpoint for LicenseKeysShuffle {
    const NAME: &'static str = "license-keys-shuffle";
    const ROUTE: &'static str = "POST /api/license-keys/shuffle";
    const SUMMARY: &'static str = "Exchange a key for a new one.";
    const REQUIRED: &'static [&'static str] = &["key"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::LicenseNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ShuffleDisabled,
        ErrorCode::LicenseNotActive,
    ];

    type Face = KeysForBuyers;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = Shuffled;
    type Reply = Reply;

    async fn call(cx: &Context, caller: SignedIn, request: Request, found: Shuffled) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        // First of all, so that it is the same when this request is carried out again.
        let event_id = audit.event_id()?;
        let Shuffled::Current(license) = found else {
            for key in request.key.meant() {
                if let Some(license) = cx.store.license_by_key_exchange(&key, &event_id).await? {
                    license.bought_by(&caller.account.email)?;
                    return Ok(Reply {
                        key: license.license_key,
                    });
                }
            }
            return Err(Error::NotFound(Noun::License));
        };
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
            .license_exchange_key(*license, &event_id, &audit, reissue)
            .await?;
        Ok(Reply {
            key: license.license_key,
        })
    }
}
