//! Products: what licenses are for.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    idempotency::CreationId,
    owner::OwnerId,
    text::{choice, is_plain, text_value},
};

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
    }
);

impl From<Slug> for ProductId {
    fn from(slug: Slug) -> Self {
        Self(slug.as_str().to_owned())
    }
}

text_value!(
    /// A product's or variant's name for people.
    Name,
    "a string of 1 to 256 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 256).then(|| text.to_owned())
    }
);

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
}

impl Product {
    /// The product with another name or status. An archived one is read-only but for its status.
    ///
    /// # Errors
    /// [`Error::ProductArchived`].
    pub fn change(&self, name: Option<Name>, status: Option<ProductStatus>) -> Result<Self> {
        if name.as_ref().is_some_and(|name| *name != self.name) {
            self.writable()?;
        }
        Ok(Self {
            name: name.unwrap_or_else(|| self.name.clone()),
            status: status.unwrap_or(self.status),
            ..self.clone()
        })
    }

    /// That the product is not archived, and so can be changed.
    ///
    /// # Errors
    /// [`Error::ProductArchived`].
    pub fn writable(&self) -> Result<()> {
        if self.active() {
            Ok(())
        } else {
            Err(Error::ProductArchived)
        }
    }

    /// The flat API's `active`: everything but archived.
    pub fn active(&self) -> bool {
        self.status != ProductStatus::Archived
    }
}
