//! The license-keys API, for software that is sold through a store: `/api/license-keys/...`.
//!
//! Applications validate a key, and are bound to the machine on which they do so first. Who bought the key can have it
//! exchanged or unbound, and who sells it can see what happened to it; both sign in ([`crate::accounts`]).

mod buyer;
mod events;
mod face;
mod list;
mod reset;
mod shuffle;
mod validate;
mod view;

use keystead_core::{
    Error, Result, Timestamp,
    error::Noun,
    license::{License, key::LicenseKey},
    product::key_rules::KeyRules,
};
use serde::Deserialize;

use crate::frame::{context::Context, function::functions, mail::ses};

pub use events::LicenseKeysEvents;
pub use list::LicenseKeysList;
pub use reset::LicenseKeysReset;
pub use shuffle::LicenseKeysShuffle;
pub use validate::LicenseKeysValidate;

/// A license key as it is typed in.
#[derive(Clone)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(with = "LicenseKey"))]
pub struct TypedKey {
    /// The one of our own making that reads so.
    ours: Option<LicenseKey>,
    /// Exactly this one, which may be from elsewhere.
    exact: Option<LicenseKey>,
}

impl<'de> Deserialize<'de> for TypedKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = TypedKey;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string of 1 to 128 characters")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TypedKey, E> {
                let (ours, exact) = (LicenseKey::ours(text), LicenseKey::parse(text));
                if ours.is_none() && exact.is_none() {
                    return Err(E::invalid_value(serde::de::Unexpected::Other("text"), &self));
                }
                Ok(TypedKey { ours, exact })
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

impl TypedKey {
    /// The keys that may be meant, those of our own making first: the contract has them in any letter case.
    fn meant(&self) -> impl Iterator<Item = LicenseKey> + '_ {
        let exact = self.exact.iter().filter(|exact| self.ours.as_ref() != Some(exact));
        self.ours.iter().chain(exact).cloned()
    }

    /// The license with this key.
    async fn license(&self, cx: &Context) -> Result<Option<License>> {
        for key in self.meant() {
            if let Some(license) = cx.store.license_get_unscoped(&key).await? {
                return Ok(Some(license));
            }
        }
        Ok(None)
    }
}

/// What a product says of its licenses' keys. It may be a minute late.
///
/// # Errors
/// [`Noun::License`] when the product was deleted.
async fn key_rules(cx: &Context, license: &License, now: Timestamp) -> Result<KeyRules> {
    let catalog = cx.store.product_cached_unscoped(&license.product_id, now).await?;
    let catalog = catalog.ok_or(Error::NotFound(Noun::License))?;
    Ok(catalog.product.keys.clone())
}

functions! {
    VALIDATE = LicenseKeysValidate;
    SHUFFLE = LicenseKeysShuffle, mailing(ses);
    RESET = LicenseKeysReset;
    EVENTS = LicenseKeysEvents;
    LIST = LicenseKeysList;
}
