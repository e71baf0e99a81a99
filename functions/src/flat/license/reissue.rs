//! `POST /reissueLicense`: exchange a license's key for a new one, and mail that to its customer.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    license::{License, key::LicenseKey},
};
use serde::{Deserialize, Serialize};

use super::key_mail::{count_key_mail, new_key};
use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::{Admin, Sees, Source},
        context::Context,
        endpoint::Endpoint,
        lenient::Flag,
        subject::Subject,
    },
};

/// `POST /reissueLicense`.
pub struct ReissueLicense;

/// Which license, and whether its customer is told.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    /// Whether the new key is mailed to the license's customer; it is when absent.
    notify: Option<Flag>,
}

/// The new key. The old one is good for nothing from now on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    license_key: LicenseKey,
    /// Whether the new key was mailed.
    mailed: bool,
}

/// The license whose key is to be another.
pub enum Reissued {
    /// It is there.
    License(Box<License>),
    /// The key is no license's: it may have been exchanged by this same request, whose reply was lost.
    Gone,
}

impl Subject<Request, Admin> for Reissued {
    type Prefetched = Option<License>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<License>> {
        cx.store.license_get_unscoped(&request.license_key).await
    }

    async fn admit(_: &Context, caller: &Admin, _: &Request, license: Option<License>) -> Result<Self> {
        match license {
            Some(license) if caller.sees(&license.owner_id) => Ok(Self::License(Box::new(license))),
            Some(_) => Err(Error::NotFound(Noun::License)),
            None => Ok(Self::Gone),
        }
    }
}

impl Endpoint for ReissueLicense {
    const NAME: &'static str = "reissue-license";
    const ROUTE: &'static str = "POST /reissueLicense";
    const SUMMARY: &'static str = "Exchange a license's key for a new one, and mail that to its customer.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Reissued;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, reissued: Reissued) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        // First of all, so that it is the same when this request is carried out again.
        let event_id = audit.event_id()?;
        let license = match reissued {
            Reissued::License(license) => *license,
            Reissued::Gone => {
                let found = cx
                    .store
                    .license_by_key_exchange(&request.license_key, &event_id)
                    .await?;
                let found = found.filter(|license| caller.sees(&license.owner_id));
                let license = found.ok_or(Error::NotFound(Noun::License))?;
                return told(cx, &request, license).await;
            }
        };
        let catalog = cx.store.product_cached_unscoped(&license.product_id, audit.now).await?;
        let catalog = catalog.ok_or_else(|| Error::internal("a license is of no product"))?;
        let key = cx.new_license_key(&catalog.product, None)?;
        // Its machines are taken off with the old key, because a holder of that key may be among them.
        // Moves start anew: holders of the old key may have used them up. The buyer's own exchange (`/shuffle`) leaves them.
        let reissue = |license: &License| {
            let mut reissued = license.reissue(key.clone());
            reissued.seats.moves.clear();
            Ok(reissued)
        };
        let license = cx
            .store
            .license_exchange_key(license, &event_id, &audit, reissue)
            .await?;
        told(cx, &request, license).await
    }
}

/// The new key, mailed to the license's customer if that is wanted, and was not done too often.
async fn told(cx: &Context, request: &Request, license: License) -> Result<Reply> {
    let notify = request.notify.is_none_or(|flag| flag.0);
    // **Best effort**: the key is another by now, so that nothing about the mail may fail the request.
    let may_be_mailed = notify && count_key_mail(cx, &license).await.is_ok();
    Ok(Reply {
        mailed: may_be_mailed && cx.mailer.deliver(new_key(&license)).await,
        license_key: license.license_key,
    })
}
