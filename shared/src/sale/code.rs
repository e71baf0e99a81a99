//! Codes: coupons that a customer types in for a trial or a discount.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    error::{Denial, Noun},
    ids::CreationId,
    license::key::LicenseKey,
    owner::OwnerId,
    product::{Product, ProductId},
    value::{
        days::Days,
        number::number_value,
        patch::Patch,
        reference::Reference,
        text::{is_name, text_value, trimmed},
    },
};

text_value!(
    /// A code as its owner typed it. Two that differ only in letter case are one code ([`CodeName::folded`]).
    CodeName,
    "a string of 1 to 64 characters without #",
    |text| {
        let text = trimmed(text);
        (is_name(text, 64) && !text.contains('#')).then(|| text.to_owned())
    },
    r"^[\t-\r ]*[^#\x00-\x1f\x7f-\x9f]*[^#\s\x00-\x1f\x7f-\x9f][^#\x00-\x1f\x7f-\x9f]*[\t-\r ]*$"
);

impl CodeName {
    /// The form in which codes are compared and found.
    pub fn folded(&self) -> String {
        self.as_str().to_uppercase()
    }
}

impl From<&CodeName> for Reference {
    fn from(code: &CodeName) -> Self {
        Self::known(code.as_str())
    }
}

number_value!(
    /// How often something may be used. -1 means unlimited.
    UseLimit, "a whole number", 0 to 1_000_000_000, or -1 for unlimited
);

// Keystead takes no money, and only shows it. Without a smallest one, a number could be too small for DynamoDB.
number_value!(
    /// A part of a price in percent, fractions allowed.
    Percent,
    "a number from 0.01 to 100",
    |number| (0.01..=100.0).contains(&number),
    { "type": "number", "minimum": 0.01, "maximum": 100.0 }
);

/// A code, as stored.
///
/// `used_count` changes only together with the license that the code was used for; everything else changes only
/// together with `revision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Code {
    /// The code in the letter case in which it was made.
    pub name: CodeName,
    /// Whose it is: the product's owner.
    pub owner_id: OwnerId,
    /// The product that it is for; all of the owner's, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// How long the license is good that it is redeemed for; it can't be redeemed, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_days: Option<Days>,
    /// How much less one pays with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_percent: Option<Percent>,
    /// How often it may be used.
    pub max_uses: UseLimit,
    /// When it stops to work; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is switched on.
    #[serde(default = "switched_on")]
    pub active: bool,
    /// Identifies its creation. A code that was deleted and made again is another code, perhaps another owner's.
    pub creation: CreationId,
    /// Counter: the licenses that it was used for.
    pub used_count: u64,
    /// How often anything but the counter has changed.
    pub revision: u64,
}

fn switched_on() -> bool {
    true
}

/// A vendor's changes of a code; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeChanges {
    /// Whether it is switched on.
    pub active: Option<bool>,
    /// Another number of uses.
    pub max_uses: Option<UseLimit>,
    /// Another end.
    pub expires_at: Patch<Timestamp>,
    /// Another length of its trials.
    pub trial_days: Patch<Days>,
    /// Another discount.
    pub discount_percent: Patch<Percent>,
}

/// That a customer has redeemed a code, as stored. It outlives the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Redemption {
    /// Whose code it was.
    pub code_owner: OwnerId,
    /// The license that was made for it.
    pub license_key: LicenseKey,
    /// How long its trial lasts.
    pub trial_days: Days,
    /// When.
    pub redeemed_at: Timestamp,
}

impl Code {
    /// Whether the code can be used to buy `product`.
    pub fn is_for(&self, product: &Product) -> bool {
        self.owner_id == product.owner_id && self.product_id.as_ref().is_none_or(|own| *own == product.product_id)
    }

    /// The code with `changes`.
    #[must_use]
    pub fn change(&self, changes: &CodeChanges) -> Self {
        let mut changed = Self {
            active: changes.active.unwrap_or(self.active),
            max_uses: changes.max_uses.unwrap_or(self.max_uses),
            ..self.clone()
        };
        changes.expires_at.apply(&mut changed.expires_at);
        changes.trial_days.apply(&mut changed.trial_days);
        changes.discount_percent.apply(&mut changed.discount_percent);
        changed
    }

    /// That the code can be used at `now`, once more.
    ///
    /// # Errors
    /// In the contract's order of precedence: [`Denial::CodeInactive`], [`Denial::CodeExpired`], [`Denial::CodeUsedUp`].
    pub fn redeemable(&self, now: Timestamp) -> Result<()> {
        self.in_force(now)?;
        self.left()
    }

    /// How long a trial the code gives, at `now`, to a customer who has or has not redeemed it.
    ///
    /// # Errors
    /// [`Noun::Code`] when it is no trial code; those of [`Code::redeemable`]; [`Denial::CodeRedeemed`], which
    /// the customer is told even after others have used the code up.
    pub fn redeem(&self, redemption: Option<&Redemption>, now: Timestamp) -> Result<Days> {
        let days = self.trial_days.ok_or(Error::NotFound(Noun::Code))?;
        self.in_force(now)?;
        // The redemption of another owner's code that read like this one, and was deleted, does not count.
        if redemption.is_some_and(|redemption| redemption.code_owner == self.owner_id) {
            return Err(Error::Denied(Denial::CodeRedeemed));
        }
        self.left()?;
        Ok(days)
    }

    fn in_force(&self, now: Timestamp) -> Result<()> {
        if !self.active {
            return Err(Error::Denied(Denial::CodeInactive));
        }
        if self.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Error::Denied(Denial::CodeExpired));
        }
        Ok(())
    }

    fn left(&self) -> Result<()> {
        if self.max_uses.admits(self.used_count) {
            Ok(())
        } else {
            Err(Error::Denied(Denial::CodeUsedUp))
        }
    }
}
