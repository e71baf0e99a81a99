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

use keystead_core::{
    Result, Timestamp,
    activation::Fingerprint,
    license::{License, LicenseKey},
    product::ProductId,
    token::{Claims, Token},
};

use crate::context::Context;

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
    })
}
