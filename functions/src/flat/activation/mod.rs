//! Machines on licenses.

mod activate;
mod deactivate;
mod heartbeat;
mod list;
mod r#move;
mod validate;

pub use activate::Activate;
pub use deactivate::Deactivate;
pub use heartbeat::Heartbeat;
pub use list::ListMachines;
pub use r#move::MoveLicense;
pub use validate::Validate;

use std::{sync::Arc, time::Duration};

use keystead_core::{
    Error, Result, Timestamp,
    error::Noun,
    license::{License, key::LicenseKey, machine::Fingerprint, watch::DetectionLimits},
    product::{GraceDays, ProductId},
    signing::token::{Claims, IAT_LEEWAY, Token},
    store::cache::Catalog,
    value::days::Days,
};

use crate::frame::context::Context;

/// What the token says that a machine showed, if it showed one.
async fn shown(
    cx: &Context,
    token: Option<&Token>,
    license_key: &LicenseKey,
    fingerprint: &Fingerprint,
) -> Result<Option<Claims>> {
    let Some(token) = token else { return Ok(None) };
    let claims = cx.keys.verify(token, cx.clock.now()).await?;
    claims.bound_to(license_key, fingerprint)?;
    Ok(Some(claims))
}

/// Issues a token of this license for this machine, good until `expiry`.
fn issue(
    cx: &Context,
    license: &License,
    catalogs: &Catalogs,
    product: &ProductId,
    fingerprint: &Fingerprint,
    now: Timestamp,
    expiry: Timestamp,
) -> Result<Token> {
    cx.keys.issue(&Claims {
        iss: cx.config.issuer.clone(),
        sub: license.license_id.clone(),
        license_key: license.license_key.clone(),
        machine_fingerprint: fingerprint.clone(),
        product_id: product.clone(),
        variant: license.variant.clone(),
        status: license.standing.status,
        iat: now.seconds() - IAT_LEEWAY,
        exp: expiry.seconds(),
        grace_until: Some(
            license
                .grace_until(expiry, grace(cx, catalogs.asked.as_deref()))
                .whole_seconds()
                .seconds(),
        ),
        offline_days: Some(offline_days(
            cx,
            license,
            Some(&catalogs.own),
            expiry.since(now.whole_seconds()),
        )),
    })
}

fn grace(cx: &Context, catalog: Option<&Catalog>) -> Duration {
    let own = catalog.and_then(|catalog| catalog.product.grace_days);
    own.map_or(cx.config.tokens.grace, GraceDays::duration)
}

/// After how many days offline a machine should ask again: as its variant says, and never after its token expires, which
/// is when `life` is over. With a floating license nothing can be done offline.
fn offline_days(cx: &Context, license: &License, own: Option<&Catalog>, life: Duration) -> u32 {
    const DAY: u64 = 24 * 60 * 60;
    if license.seats.session_limit().is_some() {
        return 0;
    }
    let variant = own.and_then(|own| own.variant(&license.variant));
    let usual = u32::try_from(cx.config.tokens.life.as_secs() / DAY).unwrap_or(u32::MAX);
    let days = variant
        .and_then(|variant| variant.offline_days)
        .map_or(usual, Days::number);
    days.min(u32::try_from(life.as_secs() / DAY).unwrap_or(u32::MAX))
}

/// What came of a machine that asks to be let in. A refusal counts as an attempt, of the machine if the license knew it, else
/// of the network that it came from; that there were too many goes before all else.
async fn counted<T>(
    cx: &Context,
    key: &LicenseKey,
    known: Option<&Fingerprint>,
    network: &str,
    outcome: Result<T>,
) -> Result<T> {
    match outcome {
        Ok(let_in) => Ok(let_in),
        Err(refusal) => {
            let now = cx.clock.now();
            let counted = cx.store.activation_count_refused(key, known, network, now, refusal);
            Err(counted.await)
        }
    }
}

/// What is sold, as a request needs it.
struct Catalogs {
    /// The license's own product: its rules, and its variants.
    own: Arc<Catalog>,
    /// The product that is asked for, which a bundle may open beside: its grace.
    asked: Option<Arc<Catalog>>,
}

impl Catalogs {
    /// With the catalog of `product`, if that was `fetched` beside the license. That of another one is mostly kept.
    ///
    /// # Errors
    /// [`Noun::License`] when the license's product was deleted.
    async fn of(
        cx: &Context,
        license: &License,
        asked: &ProductId,
        fetched: (&ProductId, Option<Arc<Catalog>>),
    ) -> Result<Self> {
        let now = cx.clock.now();
        let (product, fetched) = fetched;
        let of = async |wanted: &ProductId| match &fetched {
            Some(catalog) if wanted == product => Ok(Some(Arc::clone(catalog))),
            Some(_) | None => cx.store.product_cached_unscoped(wanted, now).await,
        };
        let own = of(&license.product_id).await?;
        let own = own.ok_or(Error::NotFound(Noun::License))?;
        let asked = if *asked == license.product_id {
            Some(Arc::clone(&own))
        } else {
            of(asked).await?
        };
        Ok(Self { own, asked })
    }
}

/// The detection limits of a product.
pub(super) fn detection_limits(cx: &Context, catalog: Option<&Catalog>) -> DetectionLimits {
    let own = catalog.and_then(|catalog| catalog.product.enforcement.as_ref());
    own.map_or(cx.config.enforcement, |own| cx.config.enforcement.with(own))
}
