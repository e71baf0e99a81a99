//! Licenses.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use crate::{
    Error, Result,
    error::Noun,
    event::Event,
    license::{License, activation::Activation, key::LicenseKey, machine::Fingerprint},
    owner::OwnerId,
    store::{
        Difference, HASTY_ATTEMPTS, Item, Refusal, Store, WRITE_ATTEMPTS, Written, decode, encode, number, pause,
        schema, text,
    },
    value::email::Email,
};

/// What changes only together with what it counts or notes, and so is never written with the rest.
const COUNTERS: [&str; 6] = [
    "machinesUsed",
    "sessionsOpen",
    "unresolvedViolations",
    "seenIn",
    "arrived",
    "arrivals",
];

/// The one value of `expiring`, under which all licenses are listed that have an end.
pub(in crate::store) const EXPIRING: &str = "yes";

/// Under what an owner's customer is found.
pub(in crate::store) fn owner_email(owner: &OwnerId, email: &Email) -> String {
    format!("{owner}#{}", email.folded())
}

/// A license as stored: the entity, and the attributes that exist for the indexes' sake.
pub(in crate::store) fn item(license: &License) -> Result<Item> {
    let mut item = encode(license)?;
    let status = license.status;
    item.insert(
        "productStatus".to_owned(),
        text(format!("{}#{status}", license.product_id)),
    );
    item.insert("ownerStatus".to_owned(), text(format!("{}#{status}", license.owner_id)));
    item.insert("emailFolded".to_owned(), text(license.email.folded()));
    item.insert(
        "ownerEmail".to_owned(),
        text(owner_email(&license.owner_id, &license.email)),
    );
    if license.expires_at.is_some() {
        item.insert("expiringOwner".to_owned(), text(&license.owner_id));
        item.insert("expiringProduct".to_owned(), text(&license.product_id));
        item.insert("expiring".to_owned(), text(EXPIRING));
    }
    Ok(item)
}

impl Store {
    /// The license with this key, for whoever holds the key: it is the client API's credential.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_get_unscoped(&self, key: &LicenseKey) -> Result<Option<License>> {
        self.get(&schema::LICENSES, key.as_str(), None).await
    }

    /// The license with this key, and its activation of this machine, for whoever holds the key: both in one call.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_get_with_activation_unscoped(
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

    /// That `license` is made, unless its key is taken: to be written in one transaction with what it is made for.
    pub(in crate::store) fn new_license(&self, license: &License) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_item(Some(item(license)?))
            .condition_expression("attribute_not_exists(licenseKey)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Changes a license by `change`, which answers the license as it should be, or `None` to leave it, and notes
    /// `event` with what changed. Counters stay as they are. `change` is called again on the license as it is then,
    /// should another change come between.
    ///
    /// Answers the license as it is afterwards.
    ///
    /// # Errors
    /// Those of `change`, [`Noun::License`], [`Error::Internal`].
    pub async fn license_change(
        &self,
        mut license: License,
        event: &Event,
        change: impl Fn(&License) -> Result<Option<License>>,
    ) -> Result<License> {
        for attempt in 0..WRITE_ATTEMPTS {
            let Some(changed) = change(&license)? else {
                return Ok(license);
            };
            match self.try_change_license(&license, changed, event).await? {
                Changed::Done(changed) => return Ok(changed),
                Changed::Meanwhile(now) if attempt < HASTY_ATTEMPTS => license = now,
                Changed::Meanwhile(_) | Changed::Contended => license = self.license_later(attempt, &license).await?,
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }

    /// The license as it is after an attempt to change it was in vain, if it still has its key.
    pub(in crate::store) async fn license_later(&self, attempt: u32, license: &License) -> Result<License> {
        pause(attempt).await;
        let now = self.license_get_unscoped(&license.license_key).await?;
        now.ok_or(Error::NotFound(Noun::License))
    }

    /// Turns `license` into `changed`, counters aside, unless it was changed since it was read.
    pub(in crate::store) async fn try_change_license(
        &self,
        license: &License,
        changed: License,
        event: &Event,
    ) -> Result<Changed> {
        self.try_change_license_if(license, changed, event, None).await
    }

    /// As [`Store::try_change_license`], on a condition about something else: when it does not hold, the answer is
    /// [`Changed::Contended`].
    pub(in crate::store) async fn try_change_license_if(
        &self,
        license: &License,
        changed: License,
        event: &Event,
        condition: Option<TransactWriteItem>,
    ) -> Result<Changed> {
        let changed = License {
            revision: license.revision + 1,
            ..changed
        };
        let difference = difference(license, &changed)?;
        let update = Update::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
            .update_expression(format!("{}{}", difference.sets, difference.removes))
            // Whatever the decision was made on is still so.
            .condition_expression("revision = :seen")
            .set_expression_attribute_names(Some(difference.names))
            .set_expression_attribute_values(Some(difference.values))
            .expression_attribute_values(":seen", number(license.revision))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        let update = TransactWriteItem::builder().update(update).build();
        let event = event.clone().with("changes", license.changes_to(&changed)?);
        let mut more = vec![self.note(&event)?];
        more.extend(condition);
        Ok(match self.transact_with([update], more).await? {
            Written::Done => Changed::Done(changed),
            Written::Refused([Refusal::By(found)]) => {
                Changed::Meanwhile(decode(found.ok_or(Error::NotFound(Noun::License))?)?)
            }
            Written::Refused([Refusal::None]) | Written::Contended => Changed::Contended,
        })
    }
}

/// What became of a change of a license.
pub(in crate::store) enum Changed {
    /// It took effect: the license as it is now.
    Done(License),
    /// Another change came between: the license as it is now.
    Meanwhile(License),
    /// It collided with another write, or did not meet a condition about something else; nothing is known of the license.
    /// Try again.
    Contended,
}

/// What turns `old` into `new`, except for its key and its counters.
pub(in crate::store) fn difference(old: &License, new: &License) -> Result<Difference> {
    let kept = |name: &str| name == schema::LICENSES.partition || COUNTERS.contains(&name);
    Ok(Difference::between(&item(old)?, &item(new)?, kept))
}
