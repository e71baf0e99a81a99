//! Finding a license: by its key, by a key that it once had, by its id, by its customer, by its purchase.
//!
//! An index only leads to a key, and may be late; the license itself is read by that key with strong consistency.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result,
    event::EventId,
    license::{
        License,
        activation::Activation,
        key::{KeyMark, LicenseId, LicenseKey},
        key_exchange::{CurrentKey, FormerKey},
        machine::{Fingerprint, MachineId},
    },
    product::Product,
    sale::purchase::Purchase,
    store::{
        Store,
        license::{
            activation::activation_key,
            item::{license_key, owner_email},
        },
        read::all,
        schema,
        write::retried,
    },
    value::{email::Email, reference::Reference},
};

impl Store {
    /// The license with this key.
    ///
    /// **Unscoped**: the key is the client API's credential. Where it is not, the caller must check the owner.
    pub async fn license_get_unscoped(&self, key: &LicenseKey) -> Result<Option<License>> {
        self.get(&schema::LICENSES, key.as_str(), None).await
    }

    /// As [`Store::license_get_unscoped`], by a key that somebody typed: exactly so, or else one of ours that it reads like.
    ///
    /// **Unscoped**: who shows a key may use it; for a team, the caller must check the owner.
    pub async fn license_get_typed_unscoped(&self, typed: &LicenseKey) -> Result<Option<License>> {
        if let Some(license) = self.license_get_unscoped(typed).await? {
            return Ok(Some(license));
        }
        match LicenseKey::ours(typed.as_str()) {
            Some(ours) if ours != *typed => self.license_get_unscoped(&ours).await,
            Some(_) | None => Ok(None),
        }
    }

    /// The license with this key, and its activation of this machine, in one call.
    ///
    /// **Unscoped**: as [`Store::license_get_unscoped`], the caller must check the owner where the key is no credential.
    pub async fn license_get_with_activation_unscoped(
        &self,
        key: &LicenseKey,
        fingerprint: &Fingerprint,
    ) -> Result<(Option<License>, Option<Activation>)> {
        let keys = vec![
            (&schema::LICENSES, vec![license_key(key)]),
            (&schema::ACTIVATIONS, vec![activation_key(key, fingerprint)]),
        ];
        let mut found = self.get_batch(keys).await?;
        Ok((
            found.take_one(&schema::LICENSES)?,
            found.take_one(&schema::ACTIVATIONS)?,
        ))
    }

    /// A license's activation of this machine. The key was found good.
    pub async fn activation_get(&self, key: &LicenseKey, fingerprint: &Fingerprint) -> Result<Option<Activation>> {
        let id = MachineId::of(fingerprint);
        self.get(&schema::ACTIVATIONS, key.as_str(), Some(id.as_str())).await
    }

    /// The license whose key was exchanged for another, by the event that tells of it: for a request that is carried out
    /// again, and whose key is gone by its own doing.
    pub async fn license_by_key_exchange(&self, key: &LicenseKey, event: &EventId) -> Result<Option<License>> {
        match self.former_key(key).await? {
            Some(former) if former.event_id == *event => self.license_by_former_key(key, &former.license_id).await,
            Some(_) | None => Ok(None),
        }
    }

    /// The license with this id, which has this key or once had it. All reads are strongly consistent: what decides about
    /// money must not depend on an index that is behind. However often the key was exchanged, they are as many.
    pub async fn license_by_former_key(&self, key: &LicenseKey, id: &LicenseId) -> Result<Option<License>> {
        match self.license_get_unscoped(key).await? {
            Some(license) => Ok((license.license_id == *id).then_some(license)),
            None => self.license_under_current_key(id).await,
        }
    }

    /// The license that came of a purchase: its key may have been exchanged since.
    pub async fn license_by_purchase(&self, purchase: &Purchase) -> Result<Option<License>> {
        self.license_by_former_key(&purchase.license_key, &purchase.license_id)
            .await
    }

    /// The license with this stable id.
    ///
    /// **Unscoped**: the caller must check the owner.
    pub async fn license_by_id_unscoped(&self, id: &LicenseId) -> Result<Option<License>> {
        for key in self.license_keys(&schema::LICENSES_BY_ID, id.as_str()).await? {
            let license = self.license_get_unscoped(&key).await?;
            if let Some(license) = license.filter(|license| license.license_id == *id) {
                return Ok(Some(license));
            }
        }
        // An index may be behind: of a license whose key was just exchanged it may have the old one, or none.
        self.license_under_current_key(id).await
    }

    /// The newest license that this owner's customer has of a product and that is `meant`.
    pub async fn license_newest(
        &self,
        product: &Product,
        email: &Email,
        meant: impl Fn(&License) -> bool,
    ) -> Result<Option<License>> {
        let partition = owner_email(&product.owner_id, email);
        for key in self.license_keys(&schema::LICENSES_BY_OWNER_EMAIL, &partition).await? {
            let license = self.license_under_any_key(&key).await?;
            let license = license.filter(|license| {
                license.owner_id == product.owner_id
                    && license.product_id == product.product_id
                    && license.email.folded() == email.folded()
                    && meant(license)
            });
            if license.is_some() {
                return Ok(license);
            }
        }
        Ok(None)
    }

    /// Every license that was made for this purchase of a product, which may be several. The index may have an old key of
    /// one, or beside it the new one.
    pub async fn license_list_by_purchase(&self, product: &Product, id: &Reference) -> Result<Vec<License>> {
        let mut licenses: Vec<License> = Vec::new();
        for key in self.license_keys(&schema::LICENSES_BY_PURCHASE, id.as_str()).await? {
            let license = self.license_under_any_key(&key).await?;
            let license = license.filter(|license| {
                license.product_id == product.product_id
                    && license.purchase_id.as_ref() == Some(id)
                    && licenses.iter().all(|known| known.license_id != license.license_id)
            });
            licenses.extend(license);
        }
        Ok(licenses)
    }

    /// The license that has this key or once had it: for a key from an index, which may be behind an exchange.
    async fn license_under_any_key(&self, key: &LicenseKey) -> Result<Option<License>> {
        if let Some(license) = self.license_get_unscoped(key).await? {
            return Ok(Some(license));
        }
        match self.former_key(key).await? {
            Some(former) => self.license_under_current_key(&former.license_id).await,
            None => Ok(None),
        }
    }

    /// The license with this id, whose key was exchanged.
    async fn license_under_current_key(&self, id: &LicenseId) -> Result<Option<License>> {
        retried(
            "the key of a license",
            None,
            |_, before: Option<LicenseKey>| async move {
                let current: Option<CurrentKey> = self
                    .get(&schema::FORMER_KEYS, KeyMark::of_license(id).as_str(), None)
                    .await?;
                let Some(current) = current.filter(|current| before.as_ref() != Some(&current.license_key)) else {
                    return Ok(Break(None));
                };
                Ok(match self.license_get_unscoped(&current.license_key).await? {
                    Some(license) => Break(Some(license)),
                    // Exchanged again between the two reads: then there is another key now.
                    None => Continue(Some(current.license_key)),
                })
            },
        )
        .await
    }

    /// What became of a key that was exchanged for another.
    async fn former_key(&self, key: &LicenseKey) -> Result<Option<FormerKey>> {
        self.get(&schema::FORMER_KEYS, KeyMark::of(key).as_str(), None).await
    }

    /// The keys of a partition of an index of licenses, the newest license's first.
    async fn license_keys(&self, index: &schema::Index, partition: &str) -> Result<Vec<LicenseKey>> {
        let items = all(self.query_index(&schema::LICENSES, index, partition)).await?;
        let keys = items.into_iter().map(|mut item| {
            let key = item.remove(schema::LICENSES.partition);
            let key = key.ok_or_else(|| Error::internal("an index has a license without a key"))?;
            serde_dynamo::from_attribute_value(key).map_err(Error::internal)
        });
        keys.collect()
    }
}
