//! `POST /deactivate`: give a machine's seat back.

use keystead_core::{
    Error, Result,
    error::{Credential, ErrorCode, Noun},
    license::{
        License,
        activation::{Activation, Api, Remover},
        key::LicenseKey,
        machine::Fingerprint,
        seats::SeatLimit,
    },
    signing::token::{Claims, Token},
};
use serde::{Deserialize, Serialize};

use super::shown;
use crate::{
    flat::face::FlatClient,
    frame::{
        callers::{LicenseKeyHolder, Source},
        context::Context,
        endpoint::Endpoint,
        lenient::blank_is_absent,
        subject::Subject,
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

/// A license, and the machine that leaves it.
pub struct Leaving {
    license: License,
    activation: Option<Activation>,
    /// What the machine's token says, if it showed one.
    claims: Option<Claims>,
}

impl Subject<Request, LicenseKeyHolder> for Leaving {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<Self>> {
        let (key, machine) = (&request.license_key, &request.machine_fingerprint);
        let claims = shown(cx, request.token.as_ref(), key, machine).await?;
        let (license, activation) = cx.store.license_get_with_activation_unscoped(key, machine).await?;
        Ok(license.map(|license| Self {
            license,
            activation,
            claims,
        }))
    }

    async fn admit(cx: &Context, _: &LicenseKeyHolder, _: &Request, found: Option<Self>) -> Result<Self> {
        let found = found.ok_or(Error::NotFound(Noun::License))?;
        match &found.claims {
            Some(claims) => claims.issued_for(&found.license)?,
            None => {
                let now = cx.clock.now();
                let catalog = cx.store.product_cached_unscoped(&found.license.product_id, now).await?;
                let needs_token = catalog.and_then(|catalog| catalog.product.keys.deactivate_needs_token);
                if needs_token == Some(true) {
                    return Err(Error::Unauthenticated(Credential::Token));
                }
            }
        }
        Ok(found)
    }
}

impl Endpoint for Deactivate {
    const NAME: &'static str = "deactivate";
    const ROUTE: &'static str = "POST /deactivate";
    const SUMMARY: &'static str = "Give a machine's seat back.";
    const REQUIRED: &'static [&'static str] = &["licenseKey", "machineFingerprint"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::InvalidToken,
        ErrorCode::LicenseNotFound,
        ErrorCode::ActivationNotFound,
    ];

    type Face = FlatClient;
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = Leaving;
    type Reply = Reply;

    /// Seats of revoked and expired licenses are given back as well.
    async fn call(cx: &Context, caller: LicenseKeyHolder, _: Request, leaving: Leaving) -> Result<Reply> {
        let Leaving {
            license, activation, ..
        } = leaving;
        let audit = cx.audit(&caller.origin);
        let license = cx
            .store
            .activation_release(license, activation, Remover::Customer(Api::Flat), &audit)
            .await?;
        Ok(Reply {
            message: "License deactivated",
            machines_used: license.seats.machines_used,
            max_machines: license.seats.max_machines,
        })
    }
}
