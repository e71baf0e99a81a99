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

use std::time::Duration;

use keystead_core::{
    Result, Timestamp,
    activation::{Arrival, Fingerprint},
    enforcement::Policy,
    event::{Event, EventType},
    license::{License, LicenseKey},
    product::{GraceDays, ProductId},
    store::catalog::Catalog,
    token::{Claims, Token},
    variant::Days,
    violation::ViolationId,
};

use crate::{context::Context, endpoint::Caller};

/// What the token says that a machine showed, if it showed one.
fn shown(
    cx: &Context,
    token: Option<&Token>,
    license_key: &LicenseKey,
    fingerprint: &Fingerprint,
) -> Result<Option<Claims>> {
    let Some(token) = token else { return Ok(None) };
    let claims = cx.keys.verify(token, cx.clock.now())?;
    claims.bound_to(license_key, fingerprint)?;
    Ok(Some(claims))
}

/// Issues a token of this license for this machine, good until `expiry`.
fn issue(
    cx: &Context,
    license: &License,
    catalog: Option<&Catalog>,
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
        status: license.status,
        iat: now.seconds(),
        exp: expiry.seconds(),
        grace_until: Some(
            license
                .grace_until(expiry, grace(cx, catalog))
                .whole_seconds()
                .seconds(),
        ),
        offline_days: Some(offline_days(cx, license, catalog)),
    })
}

fn grace(cx: &Context, catalog: Option<&Catalog>) -> Duration {
    let own = catalog.and_then(|catalog| catalog.product.grace_days);
    own.map_or(cx.config.tokens.grace, GraceDays::duration)
}

/// After how many days offline a machine should ask again: as its variant says, or before its token expires. With a
/// floating license nothing can be done offline.
fn offline_days(cx: &Context, license: &License, catalog: Option<&Catalog>) -> u32 {
    if license.session_limit().is_some() {
        return 0;
    }
    let variant = catalog.and_then(|catalog| catalog.variant(&license.variant));
    let own = variant.and_then(|variant| variant.offline_days).map(Days::number);
    let life = cx.config.tokens.life.as_secs() / (24 * 60 * 60);
    own.unwrap_or(u32::try_from(life).unwrap_or(u32::MAX))
}

/// What a violation is told with that this machine is caught at.
fn caught(
    cx: &Context,
    license: &License,
    caller: &Caller,
    arrival: &Arrival,
) -> impl Fn() -> Result<(ViolationId, Event)> + Sync {
    || {
        let event = cx.event(EventType::Violation, license, caller, arrival.now)?;
        Ok((
            cx.ids.violation_id(arrival.now)?,
            event.of_machine(&arrival.fingerprint),
        ))
    }
}

/// The enforcement rules of a product.
fn policy(cx: &Context, catalog: Option<&Catalog>) -> Policy {
    let own = catalog.and_then(|catalog| catalog.product.enforcement.as_ref());
    own.map_or(cx.config.enforcement, |own| cx.config.enforcement.with(own))
}
