//! Trial and discount codes, and their redemptions.
//!
//! `usedCount` is the number of licenses that a code was used for, and never passes `maxUses`. So a use is counted in the
//! transaction that makes the license ([`Store::use_code`]), and whatever else changes a code leaves the counter alone.

use aws_sdk_dynamodb::types::{
    Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, builders::UpdateBuilder,
};

use crate::{
    Error, Result,
    error::{Denial, Noun},
    event::Event,
    license::License,
    owner::Scope,
    sale::code::{Code, CodeChanges, CodeName, Redemption, UseLimit},
    store::{Difference, Item, Refusal, Store, WRITE_ATTEMPTS, Written, decode, encode, number, pause, schema, text},
    value::{days::Days, email::Email},
};

/// The sort key of a code itself.
const CODE: &str = "#";
/// The one value of `kind`, by which the codes of all owners are listed.
const KIND: &str = "code";
/// What changes only together with what it counts, and so is never written with the rest.
const COUNTER: &str = "usedCount";
/// That a code is as it was read. One that was deleted and made again meanwhile would have the same revision.
const UNCHANGED: &str = "revision = :seen AND creation = :creation";

/// The sort key of a customer's redemption.
fn redemption_key(email: &Email) -> String {
    format!("email#{}", email.folded())
}

fn key(code: &CodeName, item: &str) -> Item {
    schema::CODES.key(&code.folded(), Some(item))
}

/// A code as stored: the entity, its key, and what the indexes need.
fn item(code: &Code) -> Result<Item> {
    let mut item = encode(code)?;
    item.extend(key(&code.name, CODE));
    item.insert("kind".to_owned(), text(KIND));
    Ok(item)
}

/// `seen` as a refused condition found it.
fn found_again(seen: &Code, found: Option<Item>) -> Result<Code> {
    let found: Option<Code> = found.map(decode).transpose()?;
    found
        .filter(|found| found.creation == seen.creation)
        .ok_or(Error::NotFound(Noun::Code))
}

impl Store {
    /// Stores a new code. Answers whether there was none that reads like it, whoever's.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn code_create(&self, code: &Code) -> Result<bool> {
        self.create(&schema::CODES, item(code)?).await
    }

    /// The code that reads like this, for whoever is then asked whether they may see it.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn code_get_unscoped(&self, name: &CodeName) -> Result<Option<Code>> {
        self.get(&schema::CODES, &name.folded(), Some(CODE)).await
    }

    /// The code that reads like this, and its redemption by this customer, for whoever is then asked whether they may
    /// see it: both in one call.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn code_get_with_redemption(
        &self,
        name: &CodeName,
        email: &Email,
    ) -> Result<(Option<Code>, Option<Redemption>)> {
        let keys = vec![key(name, CODE), key(name, &redemption_key(email))];
        let mut found = self.get_together(vec![(&schema::CODES, keys)]).await?;
        let (mut code, mut redemption) = (None, None);
        for item in found.remove(&self.table(&schema::CODES)).unwrap_or_default() {
            if item.get("item") == Some(&text(CODE)) {
                code = Some(decode(item)?);
            } else {
                redemption = Some(decode(item)?);
            }
        }
        Ok((code, redemption))
    }

    /// The codes that `scope` covers, newest first.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn code_list(&self, scope: &Scope) -> Result<Vec<Code>> {
        let (index, partition) = match scope {
            Scope::Nothing => return Ok(Vec::new()),
            Scope::Owner(owner) => (&schema::CODES_BY_OWNER, owner.as_str()),
            Scope::Everything => (&schema::CODES_ALL, KIND),
        };
        let mut codes: Vec<Code> = self.index_partition(&schema::CODES, index, partition).await?;
        codes.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
        Ok(codes)
    }

    /// Makes `changes` of a code, be it that another change comes between. A use that is counted at the same time is
    /// kept. Answers the code as it is afterwards, but for uses that were counted meanwhile.
    ///
    /// # Errors
    /// [`Noun::Code`] when the code is deleted meanwhile; [`Error::Internal`].
    pub async fn code_change(&self, mut code: Code, changes: &CodeChanges) -> Result<Code> {
        for attempt in 0..WRITE_ATTEMPTS {
            let changed = Code {
                revision: code.revision + 1,
                ..code.change(changes)
            };
            let kept = |name: &str| name == COUNTER;
            let difference = Difference::between(&item(&code)?, &item(&changed)?, kept);
            let update = self
                .update_code(&code)
                .update_expression(format!("{}{}", difference.sets, difference.removes))
                .set_expression_attribute_names(Some(difference.names))
                // Whatever was changed is still so.
                .condition_expression(UNCHANGED)
                .set_expression_attribute_values(Some(difference.values))
                .expression_attribute_values(":creation", text(&code.creation))
                .expression_attribute_values(":seen", number(code.revision))
                .build()
                .map_err(Error::internal)?;
            match self
                .transact([TransactWriteItem::builder().update(update).build()])
                .await?
            {
                Written::Done => return Ok(changed),
                Written::Contended => pause(attempt).await,
                Written::Refused([Refusal::By(found)]) => code = found_again(&code, found)?,
                Written::Refused([Refusal::None]) => {}
            }
        }
        Err(Error::internal("a code was changed by others all the time"))
    }

    /// Deletes a code. Its redemptions stay, so that nobody gets a second trial when the code is made again.
    ///
    /// # Errors
    /// [`Noun::Code`] when it is deleted already; [`Error::Internal`].
    pub async fn code_delete(&self, code: &Code) -> Result<()> {
        let delete = Delete::builder()
            .table_name(self.table(&schema::CODES))
            .set_key(Some(key(&code.name, CODE)))
            .condition_expression("creation = :creation")
            .expression_attribute_values(":creation", text(&code.creation))
            .build()
            .map_err(Error::internal)?;
        for attempt in 0..WRITE_ATTEMPTS {
            // In a transaction, as in `create`: of a deletion that is sent again, DynamoDB knows that it took effect.
            let delete = TransactWriteItem::builder().delete(delete.clone()).build();
            match self.transact([delete]).await? {
                Written::Done => return Ok(()),
                Written::Contended => pause(attempt).await,
                Written::Refused(_) => return Err(Error::NotFound(Noun::Code)),
            }
        }
        Err(Error::internal("a code was in use by others all the time"))
    }

    /// Redeems a trial code for the customer of a new license, once the code and the customer's redemption, if there is
    /// one, are read, and notes that `event` made the license. Answers the license with the end that the code gives it,
    /// and how long that is.
    ///
    /// # Errors
    /// The refusals of [`Code::redeem`]; [`Noun::Code`] also when the code is deleted meanwhile;
    /// [`Error::Internal`].
    pub async fn code_redeem(
        &self,
        mut code: Code,
        mut redemption: Option<Redemption>,
        mut license: License,
        event: &Event,
    ) -> Result<(License, Days)> {
        let now = license.created_at;
        for attempt in 0..WRITE_ATTEMPTS {
            if let Err(Error::Denied(Denial::CodeUsedUp)) = code.redeem(redemption.as_ref(), now) {
                // The code and the redemption were read at two moments, between which it may have been this very
                // customer, by another request, who used it last.
                let item = redemption_key(&license.email);
                redemption = self.get(&schema::CODES, &code.name.folded(), Some(&item)).await?;
            }
            if let Some(own) = redemption
                .as_ref()
                .filter(|redemption| redemption.license_key == license.license_key)
            {
                // This very redemption, which the same request made before.
                license.expires_at = Some(now + own.trial_days.duration());
                return Ok((license, own.trial_days));
            }
            let days = code.redeem(redemption.as_ref(), now)?;
            license.expires_at = Some(now + days.duration());
            let redeemed = Redemption {
                code_owner: code.owner_id.clone(),
                license_key: license.license_key.clone(),
                trial_days: days,
                redeemed_at: now,
            };
            let actions = [
                self.use_code(&code)?,
                self.note_redemption(&code.name, &license.email, &redeemed)?,
                self.new_license(&license)?,
            ];
            match self.transact_with_event(actions, event).await? {
                Written::Done => return Ok((license, days)),
                Written::Contended => pause(attempt).await,
                Written::Refused([by_code, by_redemption, by_license]) => {
                    if let Refusal::By(found) = by_code {
                        code = found_again(&code, found)?;
                    }
                    if let Refusal::By(found) = by_redemption {
                        // It may be by this same request, whose license is then there as well.
                        redemption = found.map(decode).transpose()?;
                    } else if let Refusal::By(_) = by_license {
                        return Err(Error::internal("a new license key was taken already"));
                    }
                }
            }
        }
        Err(Error::internal("a code was in use by others all the time"))
    }

    /// The code's half of using it: one more use is counted, unless they are used up, or the code is not what was decided
    /// on. What refused it is the code as it is.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub(in crate::store) fn use_code(&self, code: &Code) -> Result<TransactWriteItem> {
        let mut update = self
            .update_code(code)
            .update_expression(format!("SET {COUNTER} = {COUNTER} + :one"))
            .expression_attribute_values(":creation", text(&code.creation))
            .expression_attribute_values(":seen", number(code.revision))
            .expression_attribute_values(":one", number(1));
        update = match code.max_uses {
            UseLimit::Unlimited => update.condition_expression(UNCHANGED),
            // Closes the race for the last use.
            UseLimit::Limited(limit) => update
                .condition_expression(format!("{UNCHANGED} AND {COUNTER} < :limit"))
                .expression_attribute_values(":limit", number(limit)),
        };
        Ok(TransactWriteItem::builder()
            .update(update.build().map_err(Error::internal)?)
            .build())
    }

    /// The customer's half of redeeming a code: unless they have, by another request.
    fn note_redemption(&self, name: &CodeName, email: &Email, redemption: &Redemption) -> Result<TransactWriteItem> {
        let mut item = encode(redemption)?;
        item.extend(key(name, &redemption_key(email)));
        let put = Put::builder()
            .table_name(self.table(&schema::CODES))
            .set_item(Some(item))
            // The redemption of another owner's code, which was deleted, counts for nothing.
            .condition_expression("attribute_not_exists(code) OR codeOwner <> :owner")
            .expression_attribute_values(":owner", text(&redemption.code_owner))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn update_code(&self, code: &Code) -> UpdateBuilder {
        Update::builder()
            .table_name(self.table(&schema::CODES))
            .set_key(Some(key(&code.name, CODE)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}
