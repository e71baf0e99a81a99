//! `POST /v1/dashboard/products`: make a product.

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest, Result,
    audit::Origin,
    error::{ErrorCode, Unique},
    ids::CreationId,
    owner::{OwnerId, member::Role, organisation::Membership},
    product::{Description, Product, ProductId},
    value::name::Name,
};
use serde::Deserialize;

use super::view::OneProduct;
use crate::{
    frame::{
        callers::Source,
        context::Context,
        endpoint::{Endpoint, Needs},
        reply::Head,
        subject::Subject,
    },
    v1::{face::V1, person::Person, policy::GivenPolicy},
};

/// `POST /v1/dashboard/products`.
pub struct V1CreateProduct;

/// The product that is wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// For which organisation. Who is a member of one alone may leave it out.
    org_id: Option<OwnerId>,
    name: Name,
    description: Option<Description>,
    default_license_policy: Option<GivenPolicy>,
}

/// The organisation for which a product is to be made.
pub struct Home(Membership);

impl Subject<Request, Person> for Home {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &Request, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &Person, request: &Request, (): ()) -> Result<Self> {
        if let Some(id) = &request.org_id {
            return cx.store.membership_get(id, &caller.account).await.map(Self);
        }
        let own = cx.store.membership_list(&caller.account).await?;
        let only: Result<[Membership; 1], _> = own.try_into();
        let [only] = only.map_err(|_| Error::Invalid(InvalidRequest::MissingFields(&["orgId"])))?;
        Ok(Self(only))
    }

    fn owner(&self) -> Option<&OwnerId> {
        Some(&self.0.organisation.owner_id)
    }

    fn role(&self) -> Option<Role> {
        Some(self.0.member.role)
    }
}

impl Endpoint for V1CreateProduct {
    const NAME: &'static str = "v1-create-product";
    const ROUTE: &'static str = "POST /v1/dashboard/products";
    const SUMMARY: &'static str = "Make a product.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["name"];
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["orgId"]];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::MissingFields,
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::InvalidPolicy,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Home;
    type Reply = OneProduct;

    fn head(_: &Context, _: &OneProduct) -> Head {
        Head::created()
    }

    async fn call(cx: &Context, caller: Person, request: Request, Home(of): Home) -> Result<OneProduct> {
        let wanted = NewProduct {
            name: request.name,
            description: request.description,
            policy: request.default_license_policy,
        };
        create(cx, &caller.origin, of.organisation.owner_id, wanted).await
    }
}

/// What is said of a new product.
pub(crate) struct NewProduct {
    pub(crate) name: Name,
    pub(crate) description: Option<Description>,
    pub(crate) policy: Option<GivenPolicy>,
}

/// Makes a product of `owner`'s.
pub(crate) async fn create(cx: &Context, origin: &Origin, owner: OwnerId, wanted: NewProduct) -> Result<OneProduct> {
    let policy = wanted.policy.map(|policy| policy.parse("defaultLicensePolicy"));
    let default_policy = policy.transpose()?;
    let (id, creation) = (ProductId::new(&cx.ids)?, CreationId::new(&cx.ids)?);
    let product = Product {
        description: wanted.description,
        default_policy,
        ..Product::new(id, wanted.name, owner, creation, cx.clock.now())
    };
    if !cx.store.product_create(&product, &cx.audit(origin)).await? {
        return Err(Error::Taken(Unique::Slug));
    }
    Ok(OneProduct::from(product))
}
