//! `POST /deactivate`: give a machine's seat back.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    license::{License, activation::Activation, key::LicenseKey, machine::Fingerprint, seats::SeatLimit},
    signing::token::{Claims, Token},
};
use serde::{Deserialize, Serialize};

use super::shown;
use crate::{
    flat::face::FlatClient,
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
        lenient::blank_is_absent,
    },
};

/// `POST /deactivate`.
pub struct Deactivate;

/// A machine that leaves.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    machine_fingerprint: Fingerprint,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Token>"))]
    token: Option<Token>,
}

/// A machine that has left.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    message: &'static str,
    machines_used: u32,
    max_machines: SeatLimit,
}

impl Endpoint for Deactivate {
    const NAME: &'static str = "deactivate";
    const ROUTE: &'static str = "POST /deactivate";
    const SUMMARY: &'static str = "Give a machine's seat back.";
    const AUTH: Auth = Auth::LicenseKey;
    const REQUIRED: &'static [&'static str] = &["licenseKey", "machineFingerprint"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::InvalidToken,
        ErrorCode::LicenseNotFound,
        ErrorCode::ActivationNotFound,
    ];

    type Face = FlatClient;
    type Request = Request;
    type Fetched = (Option<Claims>, Option<License>, Option<Activation>);
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        let claims = shown(
            cx,
            request.token.as_ref(),
            &request.license_key,
            &request.machine_fingerprint,
        )?;
        let (license, activation) = cx
            .store
            .license_get_with_activation_unscoped(&request.license_key, &request.machine_fingerprint)
            .await?;
        Ok((claims, license, activation))
    }

    /// Seats of revoked and expired licenses are given back as well.
    async fn call(cx: &Context, caller: Caller, _: Request, fetched: Self::Fetched) -> Result<Reply> {
        let (claims, license, activation) = fetched;
        let license = license.ok_or(Error::NotFound(Noun::License))?;
        claims.map_or(Ok(()), |claims| claims.issued_for(&license))?;
        let audit = cx.audit(&caller);
        let license = cx.store.activation_release(license, activation, &audit).await?;
        Ok(Reply {
            message: "License deactivated",
            machines_used: license.seats.machines_used,
            max_machines: license.seats.max_machines,
        })
    }
}
