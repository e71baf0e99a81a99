//! `GET|POST /getLicense`: all that is known of a license.

use keystead_core::{
    Result,
    error::ErrorCode,
    license::{License, key::LicenseKey},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    flat::{
        face::FlatAdmin,
        wire::{ActivationView, LicenseView, ViolationView},
    },
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
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

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for GetLicense {
    const NAME: &'static str = "get-license";
    const ROUTE: &'static str = "GET|POST /getLicense";
    const SUMMARY: &'static str = "Get all that is known of a license.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, _: Admin, _: Request, license: License) -> Result<Reply> {
        let (activations, violations) = tokio::try_join!(
            cx.store.activation_list(&license.license_key),
            cx.store.violation_list(&license)
        )?;
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
