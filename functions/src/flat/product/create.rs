//! `POST /createProduct`: make a product.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::{ErrorCode, Restriction, Unique},
    ids::CreationId,
    license::seats::SeatLimit,
    owner::{OwnerId, Scope},
    product::{
        Image, Product, ProductId, ProductStatus, Slug,
        key_rules::{KeyPrefix, KeyRules},
        quantity::QuantityMeans,
    },
    value::name::Name,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, lenient::Flag},
};

/// `POST /createProduct`.
pub struct CreateProduct;

/// The product that is wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    name: Name,
    slug: Slug,
    creator_id: Option<OwnerId>,
    status: Option<ProductStatus>,
    image: Option<Image>,
    quantity_means: Option<QuantityMeans>,
    allow_buyer_shuffle: Option<Flag>,
    allow_buyer_reset: Option<Flag>,
    require_hwid: Option<Flag>,
    key_prefix: Option<KeyPrefix>,
    max_activations: Option<SeatLimit>,
    deactivate_needs_token: Option<Flag>,
}

/// The product that was made.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    product_id: ProductId,
    status: ProductStatus,
}

impl Endpoint for CreateProduct {
    const NAME: &'static str = "create-product";
    const ROUTE: &'static str = "POST /createProduct";
    const SUMMARY: &'static str = "Make a product.";
    const REQUIRED: &'static [&'static str] = &["name", "slug"];
    const WRITES: bool = true;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["creatorId"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::MissingFields, ErrorCode::ForeignOwner, ErrorCode::SlugTaken];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, (): ()) -> Result<Reply> {
        cx.config.names.check_slug(&caller.scope, &request.slug)?;
        let owner_id = match (caller.scope, request.creator_id) {
            (Scope::Owner(own), None) => own,
            (Scope::Owner(own), Some(named)) if own == named => own,
            // The one place where the contract forbids instead of not finding.
            (Scope::Owner(_), Some(_)) => return Err(Error::Forbidden(Restriction::ForeignOwner)),
            (Scope::Everything, Some(named)) => named,
            (Scope::Everything, None) => return Err(Error::Invalid(InvalidRequest::MissingFields(&["creatorId"]))),
        };
        let (creation, now) = (CreationId::new(&cx.ids)?, cx.clock.now());
        let product = Product {
            status: request.status.unwrap_or(ProductStatus::Live),
            image: request.image,
            quantity_means: request.quantity_means,
            keys: KeyRules {
                allow_buyer_shuffle: request.allow_buyer_shuffle.map(|flag| flag.0),
                allow_buyer_reset: request.allow_buyer_reset.map(|flag| flag.0),
                require_hwid: request.require_hwid.map(|flag| flag.0),
                key_prefix: request.key_prefix,
                max_activations: request.max_activations,
                deactivate_needs_token: request.deactivate_needs_token.map(|flag| flag.0),
            },
            ..Product::new(request.slug.into(), request.name, owner_id, creation, now)
        };
        if !cx.store.product_create(&product, &cx.audit(&caller.origin)).await? {
            return Err(Error::Taken(Unique::Slug));
        }
        Ok(Reply {
            product_id: product.product_id,
            status: product.status,
        })
    }
}
