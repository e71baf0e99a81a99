//! A row of a file: the license that it is for.

use std::collections::BTreeMap;

use keystead_core::{
    Timestamp,
    license::{
        key::LicenseKey,
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    value::{email::Email, reference::Reference},
};

use super::column::Column;

/// What all rows are for, whatever they say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub(crate) product: Option<ProductId>,
    pub(crate) variant: Option<VariantId>,
}

impl Given {
    /// Whether this column is not looked at.
    pub(crate) fn replaces(&self, column: Column) -> bool {
        match column {
            Column::ProductId => self.product.is_some(),
            Column::Variant => self.variant.is_some(),
            Column::LicenseKey
            | Column::Email
            | Column::LicenseType
            | Column::Status
            | Column::MaxMachines
            | Column::MaxConcurrent
            | Column::CreatedAt
            | Column::PurchasedAt
            | Column::ExpiresAt
            | Column::DiscountCode
            | Column::PurchaseId
            | Column::BundleId
            | Column::UnlockedProducts
            | Column::DisputeReason => false,
        }
    }
}

/// The license that a row is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) license_key: Option<LicenseKey>,
    pub(crate) email: Email,
    pub(crate) product_id: ProductId,
    pub(crate) variant: Option<VariantId>,
    pub(crate) license_type: Option<LicenseType>,
    pub(crate) status: LicenseStatus,
    pub(crate) max_machines: Option<SeatLimit>,
    pub(crate) max_concurrent: Option<SeatLimit>,
    pub(crate) purchased_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) discount_code: Option<Reference>,
    pub(crate) purchase_id: Option<Reference>,
    pub(crate) bundle_id: Option<Reference>,
    pub(crate) unlocked_products: Vec<ProductId>,
    pub(crate) dispute_reason: Option<Reference>,
}

/// A row's values as text. Those that are blank are absent.
pub(crate) type Cells = BTreeMap<Column, String>;

impl Row {
    pub(crate) fn parse(cells: &Cells, given: &Given) -> Result<Self, String> {
        // Neither is ever quoted: a key has no place in messages.
        const KEY: &str = "a text of at most 128 characters";
        const NOTE: &str = "a text of at most 256 characters";
        const NUMBER: &str = "a whole number, -1 or `unlimited`";
        const TIME: &str = "a time with a zone, such as 2024-01-31T00:00:00Z";

        let seats = |text: &str| match text {
            "unlimited" => Some(SeatLimit::Unlimited),
            number => SeatLimit::parse(number.parse().ok()?),
        };
        let list = |text: &str| {
            let ids = text.split(|c: char| c == ';' || c.is_whitespace());
            ids.filter(|id| !id.is_empty()).map(ProductId::parse).collect()
        };
        let product = value(cells, Column::ProductId, KEY, ProductId::parse)?;
        let created_at = value(cells, Column::CreatedAt, TIME, time)?;
        Ok(Self {
            license_key: value(cells, Column::LicenseKey, KEY, LicenseKey::parse)?,
            email: value(cells, Column::Email, "an email address", Email::parse)?.ok_or("email is missing")?,
            product_id: given.product.clone().or(product).ok_or("productId is missing")?,
            variant: given
                .variant
                .clone()
                .or(value(cells, Column::Variant, KEY, VariantId::parse)?),
            license_type: value(
                cells,
                Column::LicenseType,
                "per-machine, floating or site",
                LicenseType::parse,
            )?,
            status: value(
                cells,
                Column::Status,
                "active, degraded, suspended or revoked",
                LicenseStatus::parse,
            )?
            .unwrap_or(LicenseStatus::Active),
            max_machines: value(cells, Column::MaxMachines, NUMBER, seats)?,
            max_concurrent: value(cells, Column::MaxConcurrent, NUMBER, seats)?,
            // The server keeps when it made a license itself; what it was elsewhere is when it was bought.
            purchased_at: value(cells, Column::PurchasedAt, TIME, time)?.or(created_at),
            expires_at: value(cells, Column::ExpiresAt, TIME, time)?,
            discount_code: value(cells, Column::DiscountCode, NOTE, Reference::parse)?,
            purchase_id: value(cells, Column::PurchaseId, NOTE, Reference::parse)?,
            bundle_id: value(cells, Column::BundleId, NOTE, Reference::parse)?,
            unlocked_products: value(
                cells,
                Column::UnlockedProducts,
                "product ids, separated by spaces or semicolons",
                list,
            )?
            .unwrap_or_default(),
            dispute_reason: value(cells, Column::DisputeReason, NOTE, Reference::parse)?,
        })
    }
}

/// A time as the API takes it, or as stores write it: `2024-01-31 12:00:00 UTC`.
fn time(text: &str) -> Option<Timestamp> {
    let utc = || Timestamp::parse(&format!("{}Z", text.strip_suffix("UTC")?.trim_end()));
    Timestamp::parse(text).or_else(utc)
}

fn value<T>(
    cells: &Cells,
    column: Column,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    let Some(text) = cells.get(&column) else {
        return Ok(None);
    };
    parse(text.trim())
        .map(Some)
        .ok_or_else(|| format!("{} must be {expected}", column.name()))
}
