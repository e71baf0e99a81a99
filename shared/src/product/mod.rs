//! Products: what licenses are for.

pub mod key_rules;
pub mod quantity;
pub mod variant;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    error::Denial,
    ids::CreationId,
    license::watch::DetectionOverrides,
    owner::OwnerId,
    product::{
        key_rules::{KeyRuleChanges, KeyRules},
        quantity::QuantityMeans,
    },
    value::{
        name::Name,
        number::number_value,
        patch::Patch,
        text::{choice, is_plain, text_value},
    },
};

text_value!(
    /// Where a product's picture is.
    Image,
    "an http or https URL of up to 2048 characters",
    |text| {
        let text = text.trim();
        let host = text.strip_prefix("https://").or(text.strip_prefix("http://"))?;
        let sound = is_plain(text, 2048) && !host.is_empty() && !text.contains(char::is_whitespace);
        sound.then(|| text.to_owned())
    },
    r"^[\t-\r ]*https?://[^\s\x00-\x1f\x7f-\x9f]+[\t-\r ]*$"
);

text_value!(
    /// The name by which a product is asked for. Any text may be asked for; only a [`Slug`] can name a new product.
    ProductId,
    "a string of 1 to 128 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 128).then(|| text.to_owned())
    }
);

text_value!(
    /// A new product's URL-safe name, unique in the whole service, which becomes its [`ProductId`].
    ///
    /// 1 to 64 of RFC 3986's unreserved characters: letters, digits, `-`, `.`, `_` and `~`.
    Slug,
    "1 to 64 letters, digits, hyphens, dots, underscores or tildes",
    |text| {
        let text = text.trim();
        let safe = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        (is_plain(text, 64) && safe).then(|| text.to_owned())
    },
    r"^[\t-\r ]*[A-Za-z0-9._~-]+[\t-\r ]*$"
);

impl From<Slug> for ProductId {
    fn from(slug: Slug) -> Self {
        Self(slug.as_str().to_owned())
    }
}

number_value!(
    /// How many days an application may run on past its token when the service can't be reached.
    GraceDays, "a whole number", 0 to 365
);

impl GraceDays {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 24 * 60 * 60)
    }
}

/// What a vendor changes of a product; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another status.
    pub status: Option<ProductStatus>,
    /// Other rules.
    pub enforcement: Patch<DetectionOverrides>,
    /// Another grace.
    pub grace_days: Patch<GraceDays>,
    /// Another picture.
    pub image: Patch<Image>,
    /// Another meaning of a quantity.
    pub quantity_means: Patch<QuantityMeans>,
    /// Other rules for keys.
    pub keys: KeyRuleChanges,
}

choice!(
    /// Whether a product is sold. Its licenses work in every status.
    ProductStatus {
        /// On sale, and in the default list.
        Live = "live",
        /// Off sale; not in the default list.
        Unlisted = "unlisted",
        /// Discontinued, and read-only but for its status; not in the default list.
        Archived = "archived",
    }
);

/// A product, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its id, which is its slug.
    pub product_id: ProductId,
    /// Its name for people.
    pub name: Name,
    /// Whose it is.
    pub owner_id: OwnerId,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// By which making.
    pub creation: CreationId,
    /// What its licenses are caught at, where that is not as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<DetectionOverrides>,
    /// How many days an application may run on past its token when the service can't be reached, where that is not as
    /// usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<GraceDays>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// What the quantity of a checkout's line means, where that is not as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_means: Option<QuantityMeans>,
    /// What it says of its licenses' keys.
    #[serde(default)]
    pub keys: KeyRules,
}

impl Product {
    /// The product with `changes`. An archived one is read-only but for its status.
    ///
    /// # Errors
    /// [`Denial::ProductArchived`].
    pub fn change(&self, changes: &ProductChanges) -> Result<Self> {
        let mut changed = Self {
            name: changes.name.clone().unwrap_or_else(|| self.name.clone()),
            keys: changes.keys.of(&self.keys),
            ..self.clone()
        };
        changes.enforcement.apply(&mut changed.enforcement);
        changes.grace_days.apply(&mut changed.grace_days);
        changes.image.apply(&mut changed.image);
        changes.quantity_means.apply(&mut changed.quantity_means);
        if changed != *self {
            self.writable()?;
        }
        Ok(Self {
            status: changes.status.unwrap_or(self.status),
            ..changed
        })
    }

    /// That the product is not archived, and so can be changed.
    ///
    /// # Errors
    /// [`Denial::ProductArchived`].
    pub fn writable(&self) -> Result<()> {
        if self.active() {
            Ok(())
        } else {
            Err(Error::Denied(Denial::ProductArchived))
        }
    }

    /// The flat API's `active`: everything but archived.
    pub fn active(&self) -> bool {
        self.status != ProductStatus::Archived
    }
}
