//! Trial and discount codes, and their redemptions.
//!
//! `usedCount` is the number of licenses that a code was used for, and never passes `maxUses`. So a use is counted in the
//! transaction that makes the license ([`code_use`]), and whatever else changes a code leaves the counter alone.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result,
    audit::Audit,
    error::{Denial, Noun},
    event::{Event, EventType},
    license::{License, expiry::Expiry},
    owner::Scope,
    sale::code::{Code, CodeChanges, CodeName, Redemption, UseLimit},
    store::{
        Store,
        item::{Item, decode, encode, number, text},
        license::item::license_creation,
        read::all_of,
        schema,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, delete, put, retried, update},
    },
    value::{days::Days, email::Email},
};

/// The sort key of a code itself.
const CODE: &str = "#";
/// The one value of `kind`, by which the codes of all owners are listed.
const KIND: &str = "code";
/// What changes only together with what it counts, and so is never written with the rest.
const COUNTER: &str = "usedCount";

/// The sort key of a customer's redemption.
fn redemption_key(email: &Email) -> String {
    format!("email#{}", email.folded())
}

fn code_key(code: &CodeName, item: &str) -> Item {
    schema::CODES.key(&code.folded(), Some(item))
}

/// A code as stored: the entity, its key, and what the indexes need.
fn code_item(code: &Code) -> Result<Item> {
    let mut item = encode(code)?;
    item.extend(code_key(&code.name, CODE));
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
    /// Stores a new code. Answers whether there was none that reads like it, of any owner.
    pub async fn code_create(&self, code: &Code, audit: &Audit) -> Result<bool> {
        let entry = audit.entry(EventType::CodeCreated, &code.owner_id, code.name.as_str())?;
        self.create_noted(&schema::CODES, code_item(code)?, &entry).await
    }

    /// The code that reads like this.
    ///
    /// **Unscoped**: the caller must check the owner.
    pub async fn code_get_unscoped(&self, name: &CodeName) -> Result<Option<Code>> {
        self.get(&schema::CODES, &name.folded(), Some(CODE)).await
    }

    /// The redemption by this customer of a code that the caller was found to own.
    pub async fn code_get_redemption(&self, code: &Code, email: &Email) -> Result<Option<Redemption>> {
        self.get(&schema::CODES, &code.name.folded(), Some(&redemption_key(email)))
            .await
    }

    /// The codes that `scope` covers, newest first.
    pub async fn code_list(&self, scope: &Scope) -> Result<Vec<Code>> {
        let (index, partition) = match scope {
            Scope::Owner(owner) => (&schema::CODES_BY_OWNER, owner.as_str()),
            Scope::Everything => (&schema::CODES_ALL, KIND),
        };
        let mut codes: Vec<Code> = all_of(self.query_index(&schema::CODES, index, partition)).await?;
        codes.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
        Ok(codes)
    }

    /// Makes `changes` of a code, also when another change comes between. A use that is counted at the same time is
    /// kept. Answers the code as it is afterwards, but for uses that were counted meanwhile.
    ///
    /// # Errors
    /// [`Noun::Code`] when the code is deleted meanwhile.
    pub async fn code_change(&self, code: Code, changes: &CodeChanges, audit: &Audit) -> Result<Code> {
        let event = &audit.event_id()?;
        retried("a code", code, |attempt, code| async move {
            let changed = Code {
                revision: code.revision + 1,
                ..code.change(changes)
            };
            let difference =
                UpdateExpression::difference(&code_item(&code)?, &code_item(&changed)?, |name| name == COUNTER);
            // **Race**: whatever was changed is still so.
            let difference = while_unchanged(difference, &code);
            let change = update(&schema::CODES, code_key(&code.name, CODE), difference);
            let entry = Event {
                event_id: event.clone(),
                ..audit.entry_of_change(
                    EventType::CodeUpdated,
                    &code.owner_id,
                    code.name.as_str(),
                    (&code, &changed),
                )?
            };
            Ok(
                match self.commit(Transaction::of([change]).with_event(&entry)?).await? {
                    WriteOutcome::Done => Break(changed),
                    WriteOutcome::Contended => {
                        attempt.back_off().await;
                        Continue(code)
                    }
                    WriteOutcome::Refused([Refusal::By(found)]) => Continue(found_again(&code, found)?),
                    WriteOutcome::Refused([Refusal::None]) => Continue(code),
                },
            )
        })
        .await
    }

    /// Deletes a code. Its redemptions stay, so that nobody gets a second trial when the code is made again.
    ///
    /// # Errors
    /// [`Noun::Code`] when it is deleted already.
    pub async fn code_delete(&self, code: &Code, audit: &Audit) -> Result<()> {
        let entry = audit.entry(EventType::CodeDeleted, &code.owner_id, code.name.as_str())?;
        let deletion = delete(&schema::CODES, code_key(&code.name, CODE))
            .when("creation = :creation", [(":creation", text(&code.creation))]);
        // In a transaction, as in `create`: of a deletion that is sent again, DynamoDB knows that it took effect.
        match self.commit_noted("a code", deletion, &entry).await? {
            Refusal::None => Ok(()),
            Refusal::By(_) => Err(Error::NotFound(Noun::Code)),
        }
    }

    /// Redeems a trial code for the customer of a new license, once the code and the customer's redemption, if there is
    /// one, are read, and notes that `event` made the license. Answers the license with the end that the code gives it,
    /// and how long that is.
    ///
    /// # Errors
    /// The refusals of [`Code::redeem`], and [`Noun::Code`] also when the code is deleted meanwhile.
    pub async fn code_redeem(
        &self,
        code: Code,
        redemption: Option<Redemption>,
        license: License,
        audit: &Audit,
    ) -> Result<(License, Days)> {
        let event = &audit.event(EventType::Created, &license)?;
        let now = license.created_at;
        let license = &license;
        let for_days = |days: Days| License {
            expiry: Expiry::At(now + days.duration()),
            ..license.clone()
        };
        retried(
            "a code",
            (code, redemption),
            |attempt, (code, mut redemption)| async move {
                if let Err(Error::Denied(Denial::CodeUsedUp)) = code.redeem(redemption.as_ref(), now) {
                    // The code and the redemption were read by separate reads, between which it may have been this very
                    // customer, by another request, who used it last.
                    let item = redemption_key(&license.email);
                    redemption = self.get(&schema::CODES, &code.name.folded(), Some(&item)).await?;
                }
                if let Some(own) = redemption
                    .as_ref()
                    .filter(|redemption| redemption.license_key == license.license_key)
                {
                    // This very redemption, which the same request made before.
                    return Ok(Break((for_days(own.trial_days), own.trial_days)));
                }
                let days = code.redeem(redemption.as_ref(), now)?;
                let license = for_days(days);
                let redeemed = Redemption {
                    code_owner: code.owner_id.clone(),
                    license_key: license.license_key.clone(),
                    trial_days: days,
                    redeemed_at: now,
                };
                let actions = [
                    code_use(&code),
                    redemption_creation(&code.name, &license.email, &redeemed)?,
                    license_creation(&license)?,
                ];
                match self.commit(Transaction::of(actions).with_event(event)?).await? {
                    WriteOutcome::Done => Ok(Break((license, days))),
                    WriteOutcome::Contended => {
                        attempt.back_off().await;
                        Ok(Continue((code, redemption)))
                    }
                    WriteOutcome::Refused([by_code, by_redemption, by_license]) => {
                        let code = match by_code {
                            Refusal::By(found) => found_again(&code, found)?,
                            Refusal::None => code,
                        };
                        match (by_redemption, by_license) {
                            // It may be by this same request, whose license is then there as well.
                            (Refusal::By(found), _) => Ok(Continue((code, found.map(decode).transpose()?))),
                            (Refusal::None, Refusal::By(_)) => {
                                Err(Error::internal("a new license key was taken already"))
                            }
                            (Refusal::None, Refusal::None) => Ok(Continue((code, redemption))),
                        }
                    }
                }
            },
        )
        .await
    }
}

/// `update` on the condition that the code is as it was read.
fn while_unchanged(update: UpdateExpression, code: &Code) -> UpdateExpression {
    // A code that was deleted and made again meanwhile has the same revision, and another creation.
    update.when(
        "revision = :seen AND creation = :creation",
        [(":seen", number(code.revision)), (":creation", text(&code.creation))],
    )
}

/// The code's half of using it: one more use is counted, unless they are used up, or the code is not what was decided on.
pub(in crate::store) fn code_use(code: &Code) -> Action {
    let mut used = while_unchanged(UpdateExpression::default().increase(COUNTER, 1), code);
    if let UseLimit::Limited(limit) = code.max_uses {
        // **Race**: the last use is given once.
        used = used.when("usedCount < :limit", [(":limit", number(limit))]);
    }
    update(&schema::CODES, code_key(&code.name, CODE), used)
}

/// The customer's half of redeeming a code.
fn redemption_creation(name: &CodeName, email: &Email, redemption: &Redemption) -> Result<Action> {
    let mut item = encode(redemption)?;
    item.extend(code_key(name, &redemption_key(email)));
    // **Race**: a customer redeems a code once. The redemption of another owner's code, which was deleted, counts for
    // nothing.
    Ok(put(&schema::CODES, item).when(
        "attribute_not_exists(code) OR codeOwner <> :owner",
        [(":owner", text(&redemption.code_owner))],
    ))
}
