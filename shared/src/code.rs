//! Trial and discount codes.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    license::SeatLimit,
    owner::OwnerId,
    product::ProductId,
    text::{is_plain, text_value},
    variant::Days,
};

text_value!(
    /// A code as its vendor typed it. Two that differ only in letter case are the same code ([`Code::folded`]).
    Code,
    "a string of 1 to 128 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 128).then(|| text.to_owned())
    }
);

impl Code {
    /// The form in which codes are compared and stored.
    pub fn folded(&self) -> String {
        self.0.to_uppercase()
    }
}

/// A code and its terms, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeTerms {
    /// The code as it was typed.
    pub typed: Code,
    /// Whose it is.
    pub owner_id: OwnerId,
    /// The one product it is for; all of the owner's without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// How long a trial by it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_days: Option<Days>,
    /// How much it takes off a price, in percent. Keystead takes no money: it is for the store to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_percent: Option<Percent>,
    /// How often it may be used.
    pub max_uses: SeatLimit,
    /// Counter: how often it was used.
    pub used_count: u32,
    /// When it stops to be good; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is switched on.
    pub active: bool,
}

/// A part of a hundred, from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Percent(f64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::{Error as _, Unexpected};

        let number = f64::deserialize(deserializer)?;
        let in_range = (0.0..=100.0).contains(&number);
        if in_range { Ok(Self(number)) } else { Err(D::Error::invalid_value(Unexpected::Float(number), &"a number from 0 to 100")) }
    }
}

/// What a vendor changes of a code; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeChanges {
    /// Whether it is switched on.
    pub active: Option<bool>,
    /// Another number of uses.
    pub max_uses: Option<SeatLimit>,
    /// Another end, or none.
    pub expires_at: Option<Option<Timestamp>>,
    /// Another length of a trial.
    pub trial_days: Option<Days>,
    /// Another discount.
    pub discount_percent: Option<Percent>,
}

impl CodeTerms {
    /// That the code can be redeemed at `now`.
    ///
    /// # Errors
    /// In the contract's order: [`Error::CodeInactive`], [`Error::CodeExpired`], [`Error::CodeUsedUp`].
    pub fn redeemable(&self, now: Timestamp) -> Result<()> {
        if !self.active {
            return Err(Error::CodeInactive);
        }
        if self.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Error::CodeExpired);
        }
        if !self.max_uses.admits(self.used_count) {
            return Err(Error::CodeUsedUp);
        }
        Ok(())
    }

    /// The code with `changes`.
    #[must_use]
    pub fn change(&self, changes: &CodeChanges) -> Self {
        Self {
            active: changes.active.unwrap_or(self.active),
            max_uses: changes.max_uses.unwrap_or(self.max_uses),
            expires_at: changes.expires_at.unwrap_or(self.expires_at),
            trial_days: changes.trial_days.or(self.trial_days),
            discount_percent: changes.discount_percent.or(self.discount_percent),
            ..self.clone()
        }
    }
}
