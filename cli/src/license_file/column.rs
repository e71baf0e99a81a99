//! What a file can say of a license, and under which names.

/// What a file can say of a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    LicenseKey,
    Email,
    ProductId,
    Variant,
    LicenseType,
    Status,
    MaxMachines,
    MaxConcurrent,
    CreatedAt,
    PurchasedAt,
    ExpiresAt,
    DiscountCode,
    PurchaseId,
    BundleId,
    UnlockedProducts,
    DisputeReason,
}

impl Column {
    /// In the order of an export.
    pub(crate) const ALL: [Self; 16] = [
        Self::LicenseKey,
        Self::Email,
        Self::ProductId,
        Self::Variant,
        Self::LicenseType,
        Self::Status,
        Self::MaxMachines,
        Self::MaxConcurrent,
        Self::CreatedAt,
        Self::PurchasedAt,
        Self::ExpiresAt,
        Self::DiscountCode,
        Self::PurchaseId,
        Self::BundleId,
        Self::UnlockedProducts,
        Self::DisputeReason,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LicenseKey => "licenseKey",
            Self::Email => "email",
            Self::ProductId => "productId",
            Self::Variant => "variant",
            Self::LicenseType => "licenseType",
            Self::Status => "status",
            Self::MaxMachines => "maxMachines",
            Self::MaxConcurrent => "maxConcurrent",
            Self::CreatedAt => "createdAt",
            Self::PurchasedAt => "purchasedAt",
            Self::ExpiresAt => "expiresAt",
            Self::DiscountCode => "discountCode",
            Self::PurchaseId => "purchaseId",
            Self::BundleId => "bundleId",
            Self::UnlockedProducts => "unlockedProducts",
            Self::DisputeReason => "disputeReason",
        }
    }

    /// The column that is meant: `license_key`, `License Key` and `licenseKey` are one, and so is `key`, as the API has
    /// it.
    pub(crate) fn named(header: &str) -> Option<Self> {
        let plain = plain(header);
        if plain == "key" {
            return Some(Self::LicenseKey);
        }
        Self::ALL
            .into_iter()
            .find(|column| column.name().eq_ignore_ascii_case(&plain))
    }

    /// Where the API's license objects have it.
    pub(crate) const fn field(self) -> &'static str {
        if matches!(self, Self::LicenseKey) {
            "key"
        } else {
            self.name()
        }
    }
}

/// A column's name as names are compared: without blanks, hyphens and underscores, in lower case.
pub(crate) fn plain(header: &str) -> String {
    header
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
