//! `GET|POST /getLicense`: all that is known of a license.

use keystead_core::{
    Error, Result,
    error::ErrorCode,
    license::{License, key::LicenseKey},
    store::license::activation::ActivationCursor,
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
    /// The `activationsCursor` of the page before.
    cursor: Option<String>,
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
    /// What to ask for the next page of activations with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    activations_cursor: Option<String>,
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

    async fn call(cx: &Context, _: Admin, request: Request, license: License) -> Result<Reply> {
        let seal = cx.credentials.get()?.sealing.seal_for("cursor")?;
        let opened = |text: &str| {
            let cursor = ActivationCursor::open(text, &seal, &license.license_id);
            cursor.ok_or_else(|| Error::field("cursor", "the activationsCursor of a page of the same list"))
        };
        let after = request.cursor.as_deref().map(opened).transpose()?;
        let ((activations, next), violations) = tokio::try_join!(
            cx.store.activation_list(&license.license_key, after.as_ref()),
            cx.store.violation_list(&license)
        )?;
        let now = cx.clock.now();
        let next = next.map(|next| next.seal(&seal, &license.license_id)).transpose()?;
        Ok(Reply {
            activations_cursor: next,
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
