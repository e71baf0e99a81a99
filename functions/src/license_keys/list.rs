//! `GET /api/license-keys`: list what one bought.

use keystead_core::{
    Error, Result, Timestamp,
    license::{
        License,
        key::{LicenseId, LicenseKey},
        machine::Fingerprint,
        seats::SeatLimit,
    },
    owner::Scope,
    product::Product,
    store::license::list::{Cursor, LicenseFilter},
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use super::{
    buyer::has_address,
    face::KeysForBuyers,
    view::{ProductView, Status},
};
use crate::frame::{callers::SignedIn, context::Context, cursor::invalid_cursor, endpoint::Endpoint};

/// `GET /api/license-keys`.
pub struct LicenseKeysList;

/// Which page of them.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    /// With which of one's addresses they were bought; without it, with the one that the account has.
    email: Option<Email>,
    /// The `nextCursor` of the page before, in the same session.
    cursor: Option<String>,
}

/// A page of what one bought, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "BoughtKeys"))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    license_keys: Vec<KeyView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// The addresses that the account had before. What was bought with one of them is asked for by it.
    former_emails: Vec<Email>,
}

/// A license, to who bought it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "BoughtKey"))]
#[serde(rename_all = "camelCase")]
struct KeyView {
    /// What stays when the key is exchanged.
    id: LicenseId,
    key: LicenseKey,
    status: Status,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    activation_count: u32,
    max_activations: Option<u32>,
    hwid: Option<Fingerprint>,
    hwid_reset_count: u32,
    product: ProductView,
}

/// How many licenses a page has.
const PAGE: usize = 50;

impl Endpoint for LicenseKeysList {
    const NAME: &'static str = "license-keys-list";
    const ROUTE: &'static str = "GET /api/license-keys";
    const SUMMARY: &'static str = "List what one bought, the newest first.";

    type Face = KeysForBuyers;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: SignedIn, request: Request, (): ()) -> Result<Reply> {
        let now = cx.clock.now();
        let account = &caller.account;
        let email = request.email.unwrap_or_else(|| account.email.clone());
        if !has_address(cx, account, &email).await? {
            return Err(Error::field("email", "an address of your account"));
        }
        let filter = LicenseFilter {
            email: Some(email),
            ..LicenseFilter::default()
        };
        // Of every owner: the address is what makes them the caller's.
        let scope = Scope::Everything;
        let seal = caller.sealing.seal_for("cursor")?;
        let opened = |text: &str| Cursor::open(text, &seal, &scope, &filter).ok_or_else(invalid_cursor);
        let cursor = request.cursor.as_deref().map(opened).transpose()?;
        let page = cx
            .store
            .license_list(&scope, &filter, PAGE, cursor.as_ref(), now)
            .await?;
        let page = page.ok_or_else(invalid_cursor)?;
        let next = page.next.map(|cursor| cursor.seal(&seal, &scope, &filter));
        let mut license_keys = Vec::with_capacity(page.licenses.len());
        for license in page.licenses {
            let catalog = cx.store.product_cached_unscoped(&license.product_id, now).await?;
            // A product that was deleted has no licenses.
            if let Some(catalog) = catalog {
                license_keys.push(KeyView::new(license, &catalog.product, now));
            }
        }
        Ok(Reply {
            license_keys,
            next_cursor: next.transpose()?,
            former_emails: caller.account.former,
        })
    }
}

impl KeyView {
    fn new(license: License, product: &Product, now: Timestamp) -> Self {
        let max_activations = product.keys.max_activations;
        Self {
            status: Status::of(&license, now),
            expires_at: license.expires_at(),
            product: ProductView::from(product),
            id: license.license_id,
            key: license.license_key,
            created_at: license.created_at,
            activation_count: license.lock.bindings,
            max_activations: max_activations.and_then(SeatLimit::limit),
            hwid: license.lock.hwid,
            hwid_reset_count: license.lock.binding_resets,
        }
    }
}
