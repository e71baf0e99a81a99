//! `GET /v1/dashboard/licenses/{id}`, and the same to an API key: one license.

use keystead_core::{
    Result, Timestamp,
    error::ErrorCode,
    license::{address::AddressBinding, machine::Country},
    owner::{member::Role, permission::Permission},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::view::{LicenseView, ManagedLicense, NOT_FOUND, NamesLicense, NamesOwnLicense, OWN_NOT_FOUND};
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
    },
};

/// `GET /v1/dashboard/licenses/{id}`.
pub struct V1GetLicense;

/// A license, and what it is bound to.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicenseWithBindings")
)]
pub struct Reply {
    license: LicenseView,
    /// The machines and addresses that it is bound to: a hundred of each at most.
    bindings: Vec<BindingView>,
    /// How many sessions are open.
    sessions: u32,
}

/// What a license is bound to.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Binding"))]
#[serde(rename_all = "camelCase")]
struct BindingView {
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = ["HWID", "IP"])))]
    r#type: &'static str,
    /// The SHA-256 of the machine or address, in hex.
    value_hash: String,
    region: Option<Country>,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
    /// Always null: what a license is no longer bound to is not kept.
    revoked_at: Option<Timestamp>,
}

/// How many bindings of each kind are shown.
const MOST: usize = 100;

impl From<AddressBinding> for BindingView {
    fn from(of: AddressBinding) -> Self {
        Self {
            r#type: "IP",
            value_hash: of.value_hash,
            region: of.region,
            first_seen_at: of.first_seen,
            last_seen_at: of.last_seen,
            revoked_at: None,
        }
    }
}

async fn shown(cx: &Context, of: ManagedLicense) -> Result<Reply> {
    let key = &of.license.license_key;
    let (machines, addresses) = tokio::try_join!(
        cx.store.activation_list(key, None),
        cx.store.address_list(&of.license, MOST)
    )?;
    let machines = machines.0.into_iter().take(MOST).map(|machine| BindingView {
        r#type: "HWID",
        value_hash: hex::encode(Sha256::digest(machine.fingerprint.as_str())),
        region: machine.last_country,
        first_seen_at: machine.first_seen,
        last_seen_at: machine.last_seen,
        revoked_at: None,
    });
    Ok(Reply {
        license: LicenseView::new(&of.license, &of.product, of.role, cx.clock.now()),
        bindings: machines.chain(addresses.into_iter().map(BindingView::from)).collect(),
        sessions: of.license.seats.sessions_open,
    })
}

impl Endpoint for V1GetLicense {
    const NAME: &'static str = "v1-get-license";
    const ROUTE: &'static str = "GET /v1/dashboard/licenses/{id}";
    const SUMMARY: &'static str = "Show a license, and what it is bound to.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[NOT_FOUND];

    type Face = V1;
    type Caller = Person;
    type Request = NamesLicense;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, _: NamesLicense, of: ManagedLicense) -> Result<Reply> {
        shown(cx, of).await
    }
}

/// `GET /v1/products/{productId}/licenses/{id}`.
pub struct V1GetOwnLicense;

impl Endpoint for V1GetOwnLicense {
    const NAME: &'static str = "v1-get-own-license";
    const ROUTE: &'static str = "GET /v1/products/{productId}/licenses/{id}";
    const SUMMARY: &'static str = V1GetLicense::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseRead);
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, _: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<Reply> {
        shown(cx, of).await
    }
}
