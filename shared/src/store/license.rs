//! Licenses.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValuesOnConditionCheckFailure};

use super::{Difference, Item, Store, WRITE_ATTEMPTS, decode, encode, number, pause, schema, text, unexpected};
use crate::{
    Error, Result,
    activation::{Activation, Fingerprint},
    license::{License, LicenseKey},
    owner::Scope,
};

/// What changes only together with what it counts, and so is never written with the rest.
const COUNTERS: [&str; 3] = ["machinesUsed", "sessionsOpen", "unresolvedViolations"];

/// A license as stored: the entity, and the attributes that exist for the indexes' sake.
pub(super) fn item(license: &License) -> Result<Item> {
    let mut item = encode(license)?;
    let status = license.status;
    item.insert(
        "productStatus".to_owned(),
        text(format!("{}#{status}", license.product_id)),
    );
    item.insert("ownerStatus".to_owned(), text(format!("{}#{status}", license.owner_id)));
    item.insert("emailFolded".to_owned(), text(license.email.folded()));
    if license.expires_at.is_some() {
        item.insert("expiringOwner".to_owned(), text(&license.owner_id));
    }
    Ok(item)
}

impl Store {
    /// The license with this key, for whoever holds the key: it is the client API's credential.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn held_license(&self, key: &LicenseKey) -> Result<Option<License>> {
        self.get(&schema::LICENSES, key.as_str(), None).await
    }

    /// The license with this key, and its activation of this machine, for whoever holds the key: both in one call.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn held_license_with_activation(
        &self,
        key: &LicenseKey,
        fingerprint: &Fingerprint,
    ) -> Result<(Option<License>, Option<Activation>)> {
        let mut found = self
            .get_together(vec![
                (&schema::LICENSES, vec![schema::LICENSES.key(key.as_str(), None)]),
                (
                    &schema::ACTIVATIONS,
                    vec![schema::ACTIVATIONS.key(key.as_str(), Some(fingerprint.as_str()))],
                ),
            ])
            .await?;
        let mut only = |table| found.remove(&self.table(table)).and_then(|mut items| items.pop());
        let (license, activation) = (only(&schema::LICENSES), only(&schema::ACTIVATIONS));
        Ok((license.map(decode).transpose()?, activation.map(decode).transpose()?))
    }

    /// The license with this key, should `scope` cover it.
    ///
    /// # Errors
    /// [`Error::LicenseNotFound`], [`Error::Internal`].
    pub async fn license(&self, scope: &Scope, key: &LicenseKey) -> Result<License> {
        let license = self.held_license(key).await?;
        license
            .filter(|license| scope.covers(&license.owner_id))
            .ok_or(Error::LicenseNotFound)
    }

    /// Stores a new license. Answers whether its key was free.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn create_license(&self, license: &License) -> Result<bool> {
        self.create(&schema::LICENSES, item(license)?).await
    }

    /// Changes a license by `change`, which answers the license as it should be, or `None` to leave it. Counters stay
    /// as they are. `change` is called again on the license as it is then, should another change come between.
    ///
    /// Answers the license as it is afterwards.
    ///
    /// # Errors
    /// Those of `change`, [`Error::LicenseNotFound`], [`Error::Internal`].
    pub async fn change_license(
        &self,
        mut license: License,
        change: impl Fn(&License) -> Result<Option<License>>,
    ) -> Result<License> {
        for attempt in 0..WRITE_ATTEMPTS {
            let Some(changed) = change(&license)? else {
                return Ok(license);
            };
            let changed = License {
                revision: license.revision + 1,
                ..changed
            };
            let difference = difference(&license, &changed)?;
            let outcome = self
                .client
                .update_item()
                .table_name(self.table(&schema::LICENSES))
                .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
                .update_expression(format!("{}{}", difference.sets, difference.removes))
                // Whatever the decision was made on is still so.
                .condition_expression("revision = :seen")
                .set_expression_attribute_names(Some(difference.names))
                .set_expression_attribute_values(Some(difference.values))
                .expression_attribute_values(":seen", number(license.revision))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let Err(error) = outcome else { return Ok(changed) };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    license = decode(refused.item.clone().ok_or(Error::LicenseNotFound)?)?;
                }
                Some(UpdateItemError::TransactionConflictException(_)) => pause(attempt).await,
                Some(_) | None => return Err(unexpected(error)),
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }
}

/// What turns `old` into `new`, except for its key and its counters.
pub(super) fn difference(old: &License, new: &License) -> Result<Difference> {
    let kept = |name: &str| name == schema::LICENSES.partition || COUNTERS.contains(&name);
    Ok(Difference::between(&item(old)?, &item(new)?, kept))
}
