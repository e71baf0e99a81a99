//! The license-keys API, for software that is sold through a store: `/api/license-keys/...`.
//!
//! Applications validate a key, and are bound to the machine on which they do so first. Who bought the key can have it
//! exchanged or unbound, and who sells it can see what happened to it; both sign in ([`crate::auth`]).

pub(crate) mod error;
mod events;
mod reset;
mod shuffle;
mod validate;

use keystead_core::{
    Error, Result, Timestamp,
    account::Account,
    binding::KeyRules,
    license::{License, LicenseKey},
};
use serde::{Deserialize, Deserializer};

use crate::{context::Context, endpoint::Caller};

pub use events::LicenseKeysEvents;
pub use reset::LicenseKeysReset;
pub use shuffle::LicenseKeysShuffle;
pub use validate::LicenseKeysValidate;

/// Which key, to those who bought it.
#[derive(Deserialize)]
pub struct Request {
    #[serde(deserialize_with = "typed")]
    key: LicenseKey,
}

/// A license key as it is typed in: in any case, with spaces around it.
fn typed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LicenseKey, D::Error> {
    let key = LicenseKey::deserialize(deserializer)?;
    Ok(LicenseKey::typed(key.as_str()).unwrap_or(key))
}

/// What a product says of its licenses' keys. It may be a minute late.
async fn key_rules(cx: &Context, license: &License, now: Timestamp) -> Result<KeyRules> {
    let catalog = cx.store.kept_catalog(&license.product_id, now).await?;
    Ok(catalog.map(|catalog| catalog.product.keys.clone()).unwrap_or_default())
}

/// The account of the caller who bought this license.
///
/// # Errors
/// [`Error::Unauthorized`], [`Error::Forbidden`].
fn buyer<'a>(caller: &'a Caller, license: &License) -> Result<&'a Account> {
    let account = &caller.signed_in()?.account;
    license.bought_by(account.verified_email()?)?;
    Ok(account)
}

/// Answers what was found, should anything have been.
fn found(license: Option<License>) -> Result<License> {
    license.ok_or(Error::LicenseNotFound)
}
