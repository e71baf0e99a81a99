//! The exports of stores, whose columns have other names.

use clap::ValueEnum;

use super::{column::Column, row::Cells};

/// Whose export a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// Gumroad's export of sales.
    Gumroad,
    /// License keys of Lemon Squeezy, with the names that its API has.
    LemonSqueezy,
    /// Paddle's reports of transactions and of their items. They have no keys: each row gets a new one.
    Paddle,
}

/// What a preset finds in a row, by the name of a column; `None` where that is blank or there is none.
pub(super) type Find<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

impl Preset {
    /// Its name, as the option has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gumroad => "gumroad",
            Self::LemonSqueezy => "lemon-squeezy",
            Self::Paddle => "paddle",
        }
    }

    /// Where each column is: the first of these that is not blank.
    pub(super) const fn sources(self) -> &'static [(Column, &'static [&'static str])] {
        match self {
            Self::Gumroad => &[
                (Column::LicenseKey, &["License Key"]),
                // A gift is for whom it was given to.
                (Column::Email, &["Giftee Email", "Purchase Email", "Buyer Email"]),
                (Column::ProductId, &["Product ID"]),
                (
                    Column::PurchasedAt,
                    &["Purchase Time (UTC timezone)", "Purchase Time (UTC)"],
                ),
                (Column::PurchaseId, &["Purchase ID"]),
                (Column::DiscountCode, &["Discount Code"]),
            ],
            Self::LemonSqueezy => &[
                (Column::LicenseKey, &["key"]),
                (Column::Email, &["user_email"]),
                (Column::ProductId, &["product_id"]),
                (Column::MaxMachines, &["activation_limit"]),
                (Column::PurchasedAt, &["created_at"]),
                (Column::ExpiresAt, &["expires_at"]),
                (Column::PurchaseId, &["order_id"]),
            ],
            Self::Paddle => &[
                (Column::Email, &["customer_email"]),
                (Column::ProductId, &["product_id"]),
                (Column::PurchasedAt, &["billed_at", "created_at"]),
                (Column::PurchaseId, &["transaction_id", "id"]),
            ],
        }
    }

    /// Whether a row is no sale, but the sum of others.
    pub(super) fn is_total(self, find: Find<'_>) -> bool {
        self == Self::Gumroad && find("Purchase ID") == Some("Totals") && find("Item Name").is_none()
    }

    /// Says in `cells` what the store says otherwise: above all whether the license still works. What the file's owner
    /// has mapped stays.
    ///
    /// # Errors
    /// Why the row is no license.
    pub(super) fn adjust(self, find: Find<'_>, cells: &mut Cells) -> Result<(), String> {
        let mut say = |column, text: &str| {
            cells.entry(column).or_insert_with(|| text.to_owned());
        };
        let is = |column: &str| find(column).is_some_and(|text| matches!(text, "1" | "true" | "TRUE" | "Yes" | "yes"));
        let is_not =
            |column: &str| find(column).is_some_and(|text| matches!(text, "0" | "false" | "FALSE" | "No" | "no"));
        match self {
            Self::Gumroad => {
                let reason = if is("Fully Refunded?") {
                    "refund"
                } else if is("Disputed?") && !is("Dispute Won?") {
                    "chargeback"
                } else if is("Access Revoked?") || is_not("License Key Enabled?") {
                    "manual"
                } else {
                    return Ok(());
                };
                say(Column::Status, "revoked");
                say(Column::DisputeReason, reason);
            }
            Self::LemonSqueezy => {
                if is("disabled") || find("status") == Some("disabled") {
                    say(Column::Status, "revoked");
                    say(Column::DisputeReason, "manual");
                }
                // Without a limit, a key is for any number.
                say(Column::MaxMachines, "unlimited");
            }
            Self::Paddle => match find("status") {
                None | Some("completed" | "paid" | "billed") => {}
                Some(_) => return Err("the transaction is not paid".to_owned()),
            },
        }
        Ok(())
    }
}
