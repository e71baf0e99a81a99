//! `GET|POST /getLicense`: all that is known of a license.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    license::{License, activation::Activation, key::LicenseKey},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    flat::{
        face::FlatAdmin,
        wire::{ActivationView, LicenseView, ViolationView},
    },
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
    },
};

/// `GET|POST /getLicense`.
pub struct GetLicense;

/// Which license.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
}

/// A license, its machines and its violations.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    #[cfg_attr(feature = "openapi", schemars(with = "LicenseView<'static>"))]
    license: Value,
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<ActivationView>"))]
    activations: Vec<Value>,
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<ViolationView>"))]
    violations: Vec<Value>,
    // These two are in `license` as well; tools differ in where they look.
    machines_used: u32,
    unresolved_violations_count: u32,
}

impl Endpoint for GetLicense {
    const NAME: &'static str = "get-license";
    const ROUTE: &'static str = "GET|POST /getLicense";
    const SUMMARY: &'static str = "Get all that is known of a license.";
    const AUTH: Auth = Auth::Admin;
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Request = Request;
    type Fetched = (Option<License>, Vec<Activation>);
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        tokio::try_join!(
            cx.store.license_get_unscoped(&request.license_key),
            cx.store.activation_list(&request.license_key)
        )
    }

    async fn call(cx: &Context, caller: Caller, _: Request, fetched: Self::Fetched) -> Result<Reply> {
        let (license, activations) = fetched;
        let license = license
            .filter(|license| caller.scope.covers(&license.owner_id))
            .ok_or(Error::NotFound(Noun::License))?;
        let violations = cx.store.violation_list(&license).await?;
        let now = cx.clock.now();
        Ok(Reply {
            activations: activations
                .into_iter()
                .map(|a| json!(ActivationView::of(a, &license, now)))
                .collect(),
            violations: violations.into_iter().map(|v| json!(ViolationView::from(v))).collect(),
            machines_used: license.seats.machines_used,
            unresolved_violations_count: license.watch.unresolved_violations,
            license: json!(LicenseView::from(&license)),
        })
    }
}
