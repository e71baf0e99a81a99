//! `POST /resetActivations`: take every machine off a license.

use keystead_core::{Result, license::LicenseKey};
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Success,
};

/// `POST /resetActivations`.
pub struct ResetActivations;

/// Which license.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
}

/// How many machines were taken off.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    success: Success,
    deleted_count: u32,
}

impl Endpoint for ResetActivations {
    const NAME: &'static str = "reset-activations";
    const ROUTE: &'static str = "POST /resetActivations";
    const AUTH: Auth = Auth::Admin;
    const FACE: Face = Face::FlatAdmin;
    const REQUIRED: &'static [&'static str] = &["licenseKey"];

    type Request = Request;
    type Fetched = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Caller, request: Request, (): ()) -> Result<Reply> {
        let license = cx.store.license(&caller.scope, &request.license_key).await?;
        Ok(Reply {
            success: Success,
            deleted_count: cx.store.reset_activations(&license).await?,
        })
    }
}
