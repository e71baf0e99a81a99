//! `POST /api/license-keys/shuffle`: exchange a key for a new one.

use keystead_core::{
    Error, Result,
    account::Account,
    error::{Denial, ErrorCode, Noun},
    license::{License, key::LicenseKey},
    product::key_rules::KeyFormat,
};
use serde::Serialize;

use super::{
    buyer::{Bought, Request, check_bought},
    face::KeysForBuyers,
    key_rules,
};
use crate::frame::{callers::SignedIn, context::Context, endpoint::Endpoint, mail::Mail};

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
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["key"]];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::MissingFields,
        ErrorCode::LicenseNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ShuffleDisabled,
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
        // First of all, so that it is the same when this request is carried out again.
        let event_id = audit.event_id()?;
        let license = match bought {
            Bought::License(license) => license,
            Bought::Gone(typed) => {
                for key in typed.meant() {
                    if let Some(license) = cx.store.license_by_key_exchange(&key, &event_id).await? {
                        check_bought(cx, &caller.account, &license).await?;
                        return Ok(Reply {
                            key: license.license_key,
                        });
                    }
                }
                return Err(Error::NotFound(Noun::License));
            }
        };
        let rules = key_rules(cx, &license, now).await?;
        if rules.allow_buyer_shuffle == Some(false) {
            return Err(Error::Denied(Denial::ShuffleDisabled));
        }
        let key = LicenseKey::new(&cx.ids, KeyFormat::Grouped, &rules.key_prefix.unwrap_or_default())?;
        if license.license_key == key {
            // Named by its id, it was given this key by this same request, whose reply was lost.
            return Ok(Reply { key });
        }
        let reissue = |license: &License| {
            license.active(now)?;
            Ok(license.reissue(key.clone()))
        };
        let license = cx
            .store
            .license_exchange_key(*license, &event_id, &audit, reissue)
            .await?;
        cx.mailer.notify(key_exchanged(&caller.account, &license)).await;
        Ok(Reply {
            key: license.license_key,
        })
    }
}

/// Word to who bought the license that its key is another. The key itself is in no mail.
fn key_exchanged(buyer: &Account, license: &License) -> Mail {
    Mail {
        to: buyer.address.clone(),
        subject: "A license key of yours was exchanged".to_owned(),
        text: format!(
            "The key of your license of {} was exchanged for a new one just now, and the old one is good for nothing any \
             more. If it was you, there is nothing to do. If it was not you, set a new password for your account at once, \
             and exchange the key again.\n",
            license.product_id
        ),
    }
}
