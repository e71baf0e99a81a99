//! Product keys: API keys of `/v1`, each of one product and with its permissions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    ids::Ids,
    owner::{
        OwnerId,
        api_key::{KeyHash, KeyPurpose, RawApiKey},
        permission::{Permission, Permissions},
    },
    product::ProductId,
    value::{
        name::Name,
        text::{choice, is_plain, text_value},
    },
};

text_value!(
    /// The id that a product key keeps when its secret is replaced: a UUID.
    ProductKeyId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl ProductKeyId {
    /// A new one.
    pub fn new(ids: &Ids) -> Result<Self> {
        Ok(Self(ids.uuid_v4()?.to_string()))
    }
}

choice!(
    /// Whether a product key lets anyone in.
    ProductKeyStatus {
        /// It does.
        Active = "active",
        /// It was revoked, for good.
        Revoked = "revoked",
        /// Its end has passed.
        Expired = "expired",
    }
);

/// An API key of one product, as stored: under the hash of its secret, so that one read finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductKey {
    /// The hash of its secret; another one once that is replaced.
    pub key_hash: KeyHash,
    /// Its id, which stays.
    pub key_id: ProductKeyId,
    /// Whose product it is.
    pub owner_id: OwnerId,
    /// The one product that it opens.
    pub product_id: ProductId,
    /// [`KeyPurpose::Product`], which tells it from the other keys of the table.
    pub purpose: KeyPurpose,
    /// Its name for people.
    pub name: Name,
    /// With what its secret begins: people know it by that.
    pub prefix: String,
    /// What it lets its holder do.
    pub permissions: Permissions,
    /// Whether it was not revoked.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it lets nobody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to [`ProductKey::LAST_USED_PRECISION`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// What a new product key is for.
#[derive(Clone, Debug)]
pub struct NewProductKey {
    /// Whose product it is.
    pub owner_id: OwnerId,
    /// The one product that it opens.
    pub product_id: ProductId,
    /// Its name for people.
    pub name: Name,
    /// What it lets its holder do.
    pub permissions: Permissions,
    /// From when on it lets nobody in, if ever.
    pub expires_at: Option<Timestamp>,
}

/// What a request changes of a product key.
#[derive(Clone, Debug, Default)]
pub struct ProductKeyChange {
    /// Another name.
    pub name: Option<Name>,
    /// Other permissions.
    pub permissions: Option<Permissions>,
}

impl ProductKey {
    /// How exactly it is known when a key was last used: one write in a quarter of an hour at most.
    pub const LAST_USED_PRECISION: Duration = Duration::from_secs(15 * 60);

    /// How many characters of the secret people are shown.
    const PREFIX: usize = 9;

    /// A new one with this secret, which was made for [`KeyPurpose::Product`].
    pub fn new(id: ProductKeyId, secret: &RawApiKey, new: NewProductKey, now: Timestamp) -> Self {
        Self {
            key_hash: secret.hash(),
            key_id: id,
            owner_id: new.owner_id,
            product_id: new.product_id,
            purpose: KeyPurpose::Product,
            name: new.name,
            prefix: prefix(secret),
            permissions: new.permissions,
            active: true,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        }
    }

    /// Whether it lets anyone in.
    pub fn status(&self, now: Timestamp) -> ProductKeyStatus {
        if !self.active {
            ProductKeyStatus::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            ProductKeyStatus::Expired
        } else {
            ProductKeyStatus::Active
        }
    }

    /// Whether it lets its holder in now.
    pub fn opens(&self, now: Timestamp) -> bool {
        self.status(now) == ProductKeyStatus::Active
    }

    /// Whether its holder may do what needs `permission`.
    pub fn permits(&self, permission: Permission) -> bool {
        self.permissions.include(permission)
    }

    /// Whether it is to be noted that it was used.
    pub fn use_is_due(&self, now: Timestamp) -> bool {
        self.last_used_at
            .is_none_or(|last| now >= last + Self::LAST_USED_PRECISION)
    }

    /// The key with another secret.
    #[must_use]
    pub fn with_secret(&self, secret: &RawApiKey) -> Self {
        Self {
            key_hash: secret.hash(),
            prefix: prefix(secret),
            ..self.clone()
        }
    }

    /// The key as it is after `change`.
    #[must_use]
    pub fn changed(&self, change: &ProductKeyChange) -> Self {
        Self {
            name: change.name.clone().unwrap_or_else(|| self.name.clone()),
            permissions: change.permissions.clone().unwrap_or_else(|| self.permissions.clone()),
            ..self.clone()
        }
    }

    /// The key, revoked: when it was first.
    #[must_use]
    pub fn revoked(&self, now: Timestamp) -> Self {
        Self {
            active: false,
            revoked_at: self.revoked_at.or(Some(now)),
            ..self.clone()
        }
    }
}

/// With what a secret begins: `gg_` and six characters of 43, which leaves 220 random bits.
fn prefix(secret: &RawApiKey) -> String {
    secret.reveal().chars().take(ProductKey::PREFIX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ProductKey {
        let secret = RawApiKey::new_for(KeyPurpose::Product, &Ids::counted()).expect("a key");
        let new = NewProductKey {
            owner_id: OwnerId::parse("acme").expect("an owner"),
            product_id: ProductId::parse("app").expect("a product"),
            name: Name::parse("Back end").expect("a name"),
            permissions: Permissions::All,
            expires_at: Some(at(1000)),
        };
        let id = ProductKeyId::new(&Ids::counted()).expect("an id");
        ProductKey::new(id, &secret, new, at(0))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_key_lets_in_until_it_expires_or_is_revoked() {
        let key = key();
        for (key, now, status) in [
            (key.clone(), 999, ProductKeyStatus::Active),
            (key.clone(), 1000, ProductKeyStatus::Expired),
            (key.revoked(at(5)), 999, ProductKeyStatus::Revoked),
            (key.revoked(at(5)), 2000, ProductKeyStatus::Revoked),
        ] {
            assert_eq!(key.status(at(now)), status, "{now}");
            assert_eq!(key.opens(at(now)), status == ProductKeyStatus::Active, "{now}");
        }
        assert_eq!(key.revoked(at(5)).revoked(at(9)).revoked_at, Some(at(5)));
    }

    #[test]
    fn a_use_is_noted_once_in_a_quarter_of_an_hour() {
        let used = |last: Option<i64>| ProductKey {
            last_used_at: last.map(at),
            ..key()
        };
        for (last, now, due) in [(None, 0, true), (Some(0), 899, false), (Some(0), 900, true)] {
            assert_eq!(used(last).use_is_due(at(now)), due, "{last:?} {now}");
        }
    }

    #[test]
    fn another_secret_leaves_all_but_the_secret_as_it_was() {
        let ids = Ids::random();
        let secret = RawApiKey::new_for(KeyPurpose::Product, &ids).expect("a key");
        let (before, after) = (key(), key().with_secret(&secret));
        assert_eq!((after.key_hash.clone(), after.prefix.len()), (secret.hash(), 9));
        assert!(secret.reveal().starts_with(&after.prefix) && after.prefix.starts_with("gg_"));
        let restored = ProductKey {
            key_hash: before.key_hash.clone(),
            prefix: before.prefix.clone(),
            ..after
        };
        assert_eq!(restored, before);
    }
}
