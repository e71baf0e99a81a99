//! `POST /v1/dashboard/orgs/{orgId}/licenses`, and the same to an API key: make licenses.

use http::StatusCode;
use keystead_core::{
    Error, Result, Timestamp,
    audit::Origin,
    error::{ErrorCode, Unique},
    license::{
        License,
        activation::Api,
        expiry::DaysOfUse,
        key::{LicenseId, LicenseKey},
    },
    owner::{OwnerId, Scope, member::Role, organisation::Membership, permission::Permission},
    product::{Product, ProductId, variant::VariantId},
    store::license::create::CreateOutcome,
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use super::view::{ExpirationMode, LicenseView, expiry};
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
        reply::Head,
        subject::Names,
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
        policy::GivenPolicy,
    },
};

/// `POST /v1/dashboard/orgs/{orgId}/licenses`.
pub struct V1CreateLicenses;

/// The licenses that are wanted.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "CreateLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    product_id: ProductId,
    /// A key of the vendor's own, for one license.
    key: Option<LicenseKey>,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    expiration_mode: Option<ExpirationMode>,
    policy_override: Option<GivenPolicy>,
    /// How many, 1 if absent.
    count: Option<u16>,
}

/// The licenses of a product that are wanted.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "CreateOwnLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct OwnRequest {
    product_id: ProductId,
    /// A key of the vendor's own, for one license.
    key: Option<LicenseKey>,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    expiration_mode: Option<ExpirationMode>,
    policy_override: Option<GivenPolicy>,
    /// How many, 1 if absent.
    count: Option<u16>,
}

/// The licenses that a team or a back end wants.
struct Wanted<'a> {
    key: Option<&'a LicenseKey>,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    expiration_mode: Option<ExpirationMode>,
    policy_override: Option<&'a GivenPolicy>,
    count: u16,
}

impl<'a> From<&'a Request> for Wanted<'a> {
    fn from(request: &'a Request) -> Self {
        Self {
            key: request.key.as_ref(),
            expires_at: request.expires_at,
            expires_after_days: request.expires_after_days,
            expiration_mode: request.expiration_mode,
            policy_override: request.policy_override.as_ref(),
            count: request.count.unwrap_or(1),
        }
    }
}

impl<'a> From<&'a OwnRequest> for Wanted<'a> {
    fn from(request: &'a OwnRequest) -> Self {
        Self {
            key: request.key.as_ref(),
            expires_at: request.expires_at,
            expires_after_days: request.expires_after_days,
            expiration_mode: request.expiration_mode,
            policy_override: request.policy_override.as_ref(),
            count: request.count.unwrap_or(1),
        }
    }
}

/// The licenses that were made.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "CreatedLicenses")
)]
pub struct Reply {
    /// The first.
    license: LicenseView,
    licenses: Vec<LicenseView>,
    count: usize,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Names<ProductId> for OwnRequest {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

/// How many licenses one request makes at most.
const MOST: u16 = 500;

/// The edition of a license for which nobody said one.
const EDITION: &str = "standard";

/// A license of a product under this key, as it is unless somebody says otherwise.
pub(super) fn new_license(cx: &Context, key: LicenseKey, product: &Product, now: Timestamp) -> Result<License> {
    let edition = VariantId::parse(EDITION).ok_or(Error::internal("the usual edition is none"))?;
    let edition = edition.within(&product.product_id);
    let id = LicenseId::new(&cx.ids, now)?;
    let license = License::new(key, id, product, edition, None, Email::nobody(), now);
    Ok(License {
        made_by: Api::V1,
        ..license
    })
}

impl Wanted<'_> {
    fn check(&self) -> Result<()> {
        if !(1..=MOST).contains(&self.count) {
            return Err(Error::field("count", &format!("a whole number from 1 to {MOST}")));
        }
        if self.key.is_some() && self.count > 1 {
            return Err(Error::field("count", "1 beside a key: a key is one license's"));
        }
        Ok(())
    }

    /// Makes them, for who is shown as much of them as `role` is.
    async fn create(self, cx: &Context, origin: &Origin, product: &Product, role: Role) -> Result<Reply> {
        let expiry = expiry(self.expiration_mode, self.expires_at, self.expires_after_days)?;
        let policy = self.policy_override.map(|given| given.parse("policyOverride"));
        let policy = policy.transpose()?;
        let audit = cx.audit(origin);
        let now = audit.now;
        let license = |key: LicenseKey| -> Result<License> {
            let license = License {
                expiry,
                ..new_license(cx, key, product, now)?
            };
            Ok(license.with_policy(policy, product))
        };
        let licenses = if let Some(own) = self.key {
            let license = license(own.clone())?;
            match cx
                .store
                .license_create_with_own_key(&license, &audit, &[], None)
                .await?
            {
                CreateOutcome::Done => vec![license],
                CreateOutcome::KeyTaken | CreateOutcome::Before(_) => return Err(Error::Taken(Unique::LicenseKey)),
            }
        } else {
            let key = || {
                // A vendor who chose how keys look gets them so.
                if product.keys.key_prefix.is_none() {
                    LicenseKey::in_fives(&cx.ids)
                } else {
                    cx.new_license_key(product, None)
                }
            };
            let keys = (0..self.count).map(|_| key());
            let licenses = keys.map(|key| license(key?)).collect::<Result<Vec<License>>>()?;
            cx.store.license_create_many(&licenses, &audit).await?;
            licenses
        };
        let view = |license: &License| LicenseView::new(license, product, role, now);
        let first = licenses.first().ok_or(Error::internal("no license was made"))?;
        Ok(Reply {
            license: view(first),
            count: licenses.len(),
            licenses: licenses.iter().map(view).collect(),
        })
    }
}

impl Endpoint for V1CreateLicenses {
    const NAME: &'static str = "v1-create-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses";
    const SUMMARY: &'static str = "Make licenses: one, or up to 500 at once.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["productId"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ProductNotFound,
        ErrorCode::LicenseKeyTaken,
        ErrorCode::InvalidPolicy,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn head(_: &Context, _: &Reply) -> Head {
        Head::created()
    }

    fn check(_: &Context, request: &Request) -> Result<()> {
        Wanted::from(request).check()
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let scope = Scope::Owner(of.organisation.owner_id);
        let product = cx.store.product_get(&scope, &request.product_id).await?;
        let wanted = Wanted::from(&request);
        wanted.create(cx, &caller.origin, &product, of.member.role).await
    }
}

/// `POST /v1/products/{productId}/licenses`.
pub struct V1CreateOwnLicenses;

impl Endpoint for V1CreateOwnLicenses {
    const NAME: &'static str = "v1-create-own-licenses";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses";
    const SUMMARY: &'static str = V1CreateLicenses::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseCreate);
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ForeignProduct,
        ErrorCode::ProductNotFound,
        ErrorCode::LicenseKeyTaken,
        ErrorCode::InvalidPolicy,
    ];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = OwnRequest;
    type Subject = Product;
    type Reply = Reply;

    fn head(_: &Context, _: &Reply) -> Head {
        Head::created()
    }

    fn check(_: &Context, request: &OwnRequest) -> Result<()> {
        Wanted::from(request).check()
    }

    async fn call(cx: &Context, caller: ProductKey, request: OwnRequest, product: Product) -> Result<Reply> {
        let wanted = Wanted::from(&request);
        wanted.create(cx, &caller.origin, &product, Role::Dev).await
    }
}
