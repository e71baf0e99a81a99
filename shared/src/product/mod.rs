//! Products: what licenses are for.

pub mod blacklist;
pub mod key_rules;
pub mod quantity;
pub mod variant;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    error::Denial,
    ids::{CreationId, Ids},
    license::{policy::Policy, watch::DetectionOverrides},
    owner::OwnerId,
    product::{
        key_rules::{KeyRuleChanges, KeyRules},
        quantity::QuantityMeans,
    },
    value::{
        name::Name,
        number::number_value,
        patch::Patch,
        text::{choice, harmless, is_plain, text_value},
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
    /// What a product is, in its vendor's words. It may have several lines.
    Description,
    "a string of 1 to 2000 characters",
    |text| {
        let text = harmless(text.trim());
        let is_letter = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        let fits = (1..=2000).contains(&text.chars().count());
        (fits && text.chars().all(is_letter)).then_some(text)
    },
    r"\S"
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

impl ProductId {
    /// The id of a new product that has no slug: a UUID.
    ///
    /// # Errors
    /// [`Error::Internal`] when there are no random numbers.
    pub fn new(ids: &Ids) -> Result<Self> {
        Ok(Self(ids.uuid_v4()?.to_string()))
    }
}

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
    /// Another description.
    pub description: Patch<Description>,
    /// Another policy of licenses without one of their own.
    pub default_policy: Patch<Policy>,
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
    /// Its id: its slug, or a UUID of one that `/v1` made.
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
    /// What it is, in its vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// What licenses that `/v1` made allow when they have no policy of their own. Everything, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_policy: Option<Policy>,
    /// When it was changed, if it was since that is noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When it was deleted, and with it everything that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl Product {
    /// A new one, on sale, that is in everything as usual.
    pub fn new(product_id: ProductId, name: Name, owner_id: OwnerId, creation: CreationId, now: Timestamp) -> Self {
        Self {
            product_id,
            name,
            owner_id,
            status: ProductStatus::Live,
            created_at: now,
            creation,
            enforcement: None,
            grace_days: None,
            image: None,
            quantity_means: None,
            keys: KeyRules::default(),
            description: None,
            default_policy: None,
            updated_at: None,
            deleted_at: None,
        }
    }

    /// The product, to those who look for it: one that was deleted is not there.
    pub fn present(self) -> Option<Self> {
        self.deleted_at.is_none().then_some(self)
    }

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
        changes.description.apply(&mut changed.description);
        changes.default_policy.apply(&mut changed.default_policy);
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
