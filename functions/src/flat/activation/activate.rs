//! `POST /activate`: let a machine in, and give it a token.

use std::sync::Arc;

use keystead_core::{
    Error, Result, Timestamp,
    error::{ErrorCode, Noun},
    license::{
        License,
        activation::{Activation, Arrival},
        admission::{Purpose, SeatRequest},
        key::LicenseKey,
        machine::{Fingerprint, Hostname},
        seats::SeatLimit,
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    signing::token::Token,
    store::cache::Catalog,
};
use serde::{Deserialize, Serialize};

use super::{Catalogs, detection_limits, issue};
use crate::{
    flat::{face::FlatClient, wire::message},
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
    },
};

/// `POST /activate`.
pub struct Activate;

/// A machine that wants in.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    machine_fingerprint: Fingerprint,
    hostname: Hostname,
    product_id: ProductId,
}

/// A machine that is in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    token: Token,
    /// When the token expires.
    expires_at: Timestamp,
    machines_used: u32,
    max_machines: SeatLimit,
    status: LicenseStatus,
    variant: VariantId,
    message: &'static str,
    /// When the license expires.
    license_expires_at: Option<Timestamp>,
}

impl Reply {
    /// With a token of `license` for the machine that was let in.
    pub(super) fn of(
        cx: &Context,
        license: License,
        catalogs: &Catalogs,
        product: &ProductId,
        activation: &Activation,
        now: Timestamp,
    ) -> Result<Self> {
        let expiry = activation.token_expiry;
        Ok(Self {
            license_expires_at: license.expires_at(),
            token: issue(cx, &license, catalogs, product, &activation.fingerprint, now, expiry)?,
            expires_at: expiry,
            machines_used: license.seats.machines_used,
            max_machines: license.seats.max_machines,
            status: license.standing.status,
            message: message(license.standing(now)?),
            variant: license.variant,
        })
    }
}

impl Endpoint for Activate {
    const NAME: &'static str = "activate";
    const ROUTE: &'static str = "POST /activate";
    const SUMMARY: &'static str = "Let a machine in, and give it a token.";
    const AUTH: Auth = Auth::LicenseKey;
    const REQUIRED: &'static [&'static str] = &["licenseKey", "machineFingerprint", "hostname", "productId"];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::TooManyActivations,
        ErrorCode::LicenseNotFound,
        ErrorCode::WrongProduct,
        ErrorCode::LicenseRevoked,
        ErrorCode::LicenseExpired,
        ErrorCode::LicenseSuspended,
        ErrorCode::MachineLimitReached,
        ErrorCode::SessionLimitReached,
    ];

    type Face = FlatClient;
    type Request = Request;
    type Fetched = (Option<License>, Option<Activation>, Option<Arc<Catalog>>);
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        // Every attempt counts, whatever comes of it. A refusal by the limit comes first, so it must be known first;
        // the reads beside it cost no time.
        let now = cx.clock.now();
        let (counted, found, catalog) = tokio::join!(
            cx.store.rate_limit_count_activation(&request.license_key, now),
            cx.store
                .license_get_with_activation_unscoped(&request.license_key, &request.machine_fingerprint),
            cx.store.product_cached_unscoped(&request.product_id, now),
        );
        counted?;
        let (license, activation) = found?;
        Ok((license, activation, catalog?))
    }

    async fn call(cx: &Context, caller: Caller, request: Request, fetched: Self::Fetched) -> Result<Reply> {
        let audit = cx.audit(&caller);
        let now = audit.now;
        let (license, known, catalog) = fetched;
        let license = license.ok_or(Error::NotFound(Noun::License))?;
        let product = request.product_id;
        let catalogs = Catalogs::of(cx, &license, &product, (&product, catalog)).await?;
        let arrival = Arrival {
            fingerprint: request.machine_fingerprint,
            hostname: Some(request.hostname),
            country: caller.country.clone(),
            token_expiry: None,
            now,
        };
        let seat = SeatRequest {
            product: &product,
            arrival: &arrival,
            purpose: Purpose::Activate {
                tokens: &cx.config.tokens,
                limits: detection_limits(cx, catalogs.own.as_deref()),
            },
        };
        let (license, activation) = cx.store.activation_admit(license, known, &seat, &audit).await?;
        Reply::of(cx, license, &catalogs, &product, &activation, now)
    }
}
