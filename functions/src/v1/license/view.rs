//! Licenses, as requests name them and replies show them.

use keystead_core::{
    Error, Result, Timestamp,
    error::{ErrorCode, Noun},
    license::{
        License,
        expiry::{DaysOfUse, Expiry},
        key::LicenseId,
        policy::Policy,
        reset::ResetKind,
        standing::LicenseStatus,
    },
    owner::{OwnerId, member::Role},
    product::{Product, ProductId},
};
use serde::{Deserialize, Serialize};

use crate::frame::{
    callers::{HoldsAccount, ProductKey, Source},
    context::Context,
    subject::{Names, Subject},
};

/// Whether a license works, as `/v1` spells it. That it has expired follows from the time, and is stored nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LicenseState"))]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum State {
    /// It works.
    Active,
    /// Its end has come.
    Expired,
    /// It was blocked for good.
    Revoked,
    /// It is stopped for a while.
    Frozen,
}

impl State {
    pub(super) fn of(license: &License, now: Timestamp) -> Self {
        match license.standing.status {
            LicenseStatus::Revoked => Self::Revoked,
            LicenseStatus::Suspended if license.standing.is_blocked(now) => Self::Frozen,
            _ if license.has_expired(now) => Self::Expired,
            LicenseStatus::Active | LicenseStatus::Degraded | LicenseStatus::Suspended => Self::Active,
        }
    }
}

/// What ends a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum ExpirationMode {
    /// Nothing.
    Never,
    /// A date.
    Fixed,
    /// Some days after its first use.
    AfterActivation,
    /// Whichever comes first.
    Both,
}

impl ExpirationMode {
    pub(super) fn of(expiry: Expiry) -> Self {
        match expiry.parts() {
            (None, None) => Self::Never,
            (Some(_), None) => Self::Fixed,
            (None, Some(_)) => Self::AfterActivation,
            (Some(_), Some(_)) => Self::Both,
        }
    }
}

/// The end that some fields ask for. Without a mode, it follows from which of the others are there.
///
/// # Errors
/// That they contradict each other.
pub(super) fn expiry(mode: Option<ExpirationMode>, at: Option<Timestamp>, days: Option<DaysOfUse>) -> Result<Expiry> {
    let needs = |fields: &str| Err(Error::field("expirationMode", fields));
    match (mode, at, days) {
        (None, at, days) => Ok(Expiry::of(at, days)),
        (Some(ExpirationMode::Never), None, None) => Ok(Expiry::Never),
        (Some(ExpirationMode::Never), ..) => needs("another one than never: an end is given as well"),
        (Some(ExpirationMode::Fixed), Some(at), None) => Ok(Expiry::At(at)),
        (Some(ExpirationMode::Fixed), ..) => needs("given with expiresAt alone, if it is fixed"),
        (Some(ExpirationMode::AfterActivation), None, Some(days)) => Ok(Expiry::AfterFirstUse { days }),
        (Some(ExpirationMode::AfterActivation), ..) => {
            needs("given with expiresAfterDays alone, if it is afterActivation")
        }
        (Some(ExpirationMode::Both), Some(_), Some(_)) => Ok(Expiry::of(at, days)),
        (Some(ExpirationMode::Both), ..) => needs("given with expiresAt and expiresAfterDays, if it is both"),
    }
}

/// A license, to a team.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "OrganisationLicense")
)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenseView {
    id: LicenseId,
    org_id: OwnerId,
    product_id: ProductId,
    /// The key; to a viewer, its last four characters.
    key: String,
    status: State,
    expiration_mode: ExpirationMode,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    /// When it was first used.
    activated_at: Option<Timestamp>,
    /// When it ends, as far as is known.
    effective_expires_at: Option<Timestamp>,
    policy_override: Option<Policy>,
    /// The policy that it goes by.
    effective_policy: Policy,
    frozen_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    end_user_id: Option<String>,
    hwid_reset_count: u32,
    ip_reset_count: u32,
    last_hwid_reset_at: Option<Timestamp>,
    last_ip_reset_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    product: ProductName,
}

/// The product of a license.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct ProductName {
    id: ProductId,
    name: String,
}

/// How many characters of a key a viewer sees.
const SHOWN: usize = 4;

impl LicenseView {
    /// A license of `product`, as somebody with this role sees it.
    pub(super) fn new(license: &License, product: &Product, role: Role, now: Timestamp) -> Self {
        let (at, days) = license.expiry.parts();
        let key = license.license_key.as_str();
        let hidden = key.chars().count().saturating_sub(SHOWN);
        let masked = || "*".repeat(hidden) + &key.chars().skip(hidden).collect::<String>();
        Self {
            id: license.license_id.clone(),
            org_id: license.owner_id.clone(),
            product_id: license.product_id.clone(),
            key: if role.includes(Role::Dev) {
                key.to_owned()
            } else {
                masked()
            },
            status: State::of(license, now),
            expiration_mode: ExpirationMode::of(license.expiry),
            expires_at: at,
            expires_after_days: days,
            activated_at: license.first_used_at,
            effective_expires_at: license.expires_at(),
            policy_override: license.policy.as_deref().copied(),
            effective_policy: license.effective_policy(product),
            frozen_at: license.frozen_at(),
            revoked_at: license.revoked_at(),
            end_user_id: license.end_user_id.as_ref().map(ToString::to_string),
            hwid_reset_count: license.resets.of(ResetKind::Hwid).count,
            ip_reset_count: license.resets.of(ResetKind::Ip).count,
            last_hwid_reset_at: license.resets.of(ResetKind::Hwid).last,
            last_ip_reset_at: license.resets.of(ResetKind::Ip).last,
            created_at: license.created_at,
            updated_at: license.updated_at.unwrap_or(license.created_at),
            product: ProductName {
                id: product.product_id.clone(),
                name: product.name.to_string(),
            },
        }
    }
}

/// A reply with one license.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OneLicense {
    license: LicenseView,
}

impl OneLicense {
    /// `license`, which is `of` as it is now.
    pub(super) fn new(of: &ManagedLicense, license: &License, now: Timestamp) -> Self {
        Self {
            license: LicenseView::new(license, &of.product, of.role, now),
        }
    }
}

/// A request that names a license and nothing else.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct NamesLicense {
    id: LicenseId,
}

impl Names<LicenseId> for NamesLicense {
    fn named(&self) -> &LicenseId {
        &self.id
    }
}

/// A request that names a license of a product's and nothing else.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamesOwnLicense {
    product_id: ProductId,
    id: LicenseId,
}

/// Declares what a request names by its fields `product_id` and `id`.
macro_rules! names_own_license {
    ($request:ty) => {
        impl $crate::frame::subject::Names<ProductId> for $request {
            fn named(&self) -> &ProductId {
                &self.product_id
            }
        }

        impl $crate::frame::subject::Names<LicenseId> for $request {
            fn named(&self) -> &LicenseId {
                &self.id
            }
        }
    };
}

pub(crate) use names_own_license;

names_own_license!(NamesOwnLicense);

/// A license, to who manages it: a member of its owner's team, or the holder of an API key of its product. To anybody else it
/// is not there.
pub struct ManagedLicense {
    /// The license.
    pub license: License,
    /// Its product.
    pub product: Product,
    /// What the caller may do in the team. Holders of API keys do what developers do, as far as their permissions go.
    pub role: Role,
}

const MISSING: Error = Error::NotFound(Noun::License);

/// What finding a license may refuse.
pub(crate) const NOT_FOUND: ErrorCode = ErrorCode::LicenseNotFound;

/// What finding a license of an API key's product may refuse.
pub(crate) const OWN_NOT_FOUND: &[ErrorCode] = &[
    ErrorCode::ForeignProduct,
    ErrorCode::ProductNotFound,
    ErrorCode::LicenseNotFound,
];

impl<R: Names<LicenseId> + Sync, C: HoldsAccount + Sync> Subject<R, C> for ManagedLicense {
    type Prefetched = ();

    /// By its id, a license is found in an index first: that waits until it is known who asks.
    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &C, request: &R, (): ()) -> Result<Self> {
        let license = cx.store.license_by_id_unscoped(request.named()).await?.ok_or(MISSING)?;
        let (membership, product) = tokio::join!(
            cx.store.membership_get(&license.owner_id, caller.account()),
            cx.store.product_get_unscoped(&license.product_id)
        );
        let membership = match membership {
            Err(Error::NotFound(Noun::Organisation)) => Err(MISSING),
            other => other,
        };
        Ok(Self {
            role: membership?.member.role,
            product: product?.ok_or(MISSING)?,
            license,
        })
    }

    fn owner(&self) -> Option<&OwnerId> {
        Some(&self.license.owner_id)
    }

    fn role(&self) -> Option<Role> {
        Some(self.role)
    }
}

impl<R: Names<ProductId> + Names<LicenseId> + Sync> Subject<R, ProductKey> for ManagedLicense {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &ProductKey, request: &R, (): ()) -> Result<Self> {
        caller.require_product(<R as Names<ProductId>>::named(request))?;
        let (license, (product, _)) = tokio::try_join!(
            cx.store.license_by_id_unscoped(<R as Names<LicenseId>>::named(request)),
            caller.product(cx),
        )?;
        // That there is such a license of another product's is not told.
        let license = license.filter(|license| license.product_id == product.product_id);
        Ok(Self {
            license: license.ok_or(MISSING)?,
            product,
            role: Role::Dev,
        })
    }
}
