//! `POST /validate`: check a machine's token against the license as it is now, and renew it in time.

use std::sync::Arc;

use keystead_core::{
    Error, Result, Timestamp,
    error::{Denial, ErrorCode, Noun},
    license::{
        License,
        activation::{Activation, Api, Arrival},
        admission::{Purpose, SeatRequest},
        key::LicenseKey,
        machine::Fingerprint,
        seats::SeatLimit,
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    signing::token::{Claims, Token},
    store::cache::Catalog,
};
use serde::{Deserialize, Serialize};

use super::{Catalogs, detection_limits, issue};
use crate::{
    flat::{face::FlatValidate, wire::message},
    frame::{
        callers::{LicenseKeyHolder, Source},
        context::Context,
        endpoint::Endpoint,
        lenient::blank_is_absent,
        subject::Subject,
    },
};

/// `POST /validate`.
pub struct Validate;

/// A machine with a token.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    machine_fingerprint: Fingerprint,
    token: Token,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<ProductId>"))]
    product_id: Option<ProductId>,
}

/// A machine that may run on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The token to show next time: a new one, or the one that was shown.
    token: Token,
    /// When that token expires.
    expires_at: Timestamp,
    /// Whether it is a new one.
    refreshed: bool,
    status: LicenseStatus,
    variant: VariantId,
    message: &'static str,
    /// When the license expires.
    license_expires_at: Option<Timestamp>,
    machines_used: u32,
    max_machines: SeatLimit,
}

/// What a machine's token leads to.
pub struct Running {
    claims: Claims,
    license: License,
    activation: Option<Activation>,
    catalog: Option<Arc<Catalog>>,
}

impl Subject<Request, LicenseKeyHolder> for Running {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<Self>> {
        // A token that is not ours is refused before it costs a read.
        let now = cx.clock.now();
        let claims = cx.keys.verify(&request.token, now).await?;
        claims.bound_to(&request.license_key, &request.machine_fingerprint)?;
        let ((license, activation), catalog) = tokio::try_join!(
            cx.store
                .license_get_with_activation_unscoped(&request.license_key, &request.machine_fingerprint),
            cx.store.product_prefetch_unscoped(&claims.product_id, now),
        )?;
        Ok(license.map(|license| Self {
            claims,
            license,
            activation,
            catalog,
        }))
    }

    async fn admit(_: &Context, _: &LicenseKeyHolder, _: &Request, found: Option<Self>) -> Result<Self> {
        let found = found.ok_or(Error::NotFound(Noun::License))?;
        found.claims.issued_for(&found.license)?;
        Ok(found)
    }
}

impl Endpoint for Validate {
    const NAME: &'static str = "validate";
    const ROUTE: &'static str = "POST /validate";
    const SUMMARY: &'static str = "Check a machine's token against the license as it is now, and renew it in time.";
    const REQUIRED: &'static [&'static str] = &["licenseKey", "machineFingerprint", "token"];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::InvalidToken,
        ErrorCode::LicenseNotFound,
        ErrorCode::WrongProduct,
        ErrorCode::LicenseRevoked,
        ErrorCode::LicenseExpired,
        ErrorCode::LicenseSuspended,
        ErrorCode::MachineNotActivated,
        ErrorCode::SessionLimitReached,
    ];

    type Face = FlatValidate;
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = Running;
    type Reply = Reply;

    async fn call(cx: &Context, caller: LicenseKeyHolder, request: Request, running: Running) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let Running {
            claims,
            license,
            activation,
            catalog,
        } = running;
        let product = request.product_id.unwrap_or_else(|| claims.product_id.clone());
        let first_seen = activation.as_ref().map(|activation| activation.first_seen);
        license.for_machine(first_seen).opens(&product, now)?;
        let activation = activation.ok_or(Error::Denied(Denial::MachineNotActivated))?;
        let catalogs = Catalogs::of(cx, &license, &product, (&claims.product_id, catalog)).await?;

        let own = license.for_machine(first_seen);
        let renewed = renewed_expiry(cx, &own, &claims, &product, now);
        drop(own);
        let arrival = Arrival {
            fingerprint: request.machine_fingerprint,
            via: Api::Flat,
            hostname: None,
            country: caller.country.clone(),
            token_expiry: renewed,
            now,
        };
        let seat = SeatRequest {
            product: &product,
            arrival: &arrival,
            purpose: Purpose::Validate {
                tokens: &cx.config.tokens,
                shown: claims.expiry(),
                limits: detection_limits(cx, Some(&catalogs.own)),
            },
        };
        let admitted = cx.store.activation_admit(license, Some(activation), &seat, &audit);
        let (license, activation) = admitted.await?;
        let license = license.for_machine(Some(activation.first_seen)).into_owned();
        // The license may be another by now: another request, or this very one, may have degraded it.
        let renewed = seat.purpose.token_expiry(&license, now, renewed);
        let token = match renewed {
            Some(expiry) => issue(cx, &license, &catalogs, &product, &activation.fingerprint, now, expiry)?,
            None => request.token,
        };
        Ok(Reply {
            license_expires_at: license.expires_at(),
            token,
            expires_at: renewed.unwrap_or(claims.expiry()),
            refreshed: renewed.is_some(),
            status: license.standing.status,
            message: message(license.standing(now)?),
            variant: license.variant,
            machines_used: license.seats.machines_used,
            max_machines: license.seats.max_machines,
        })
    }
}

/// When the token that replaces the one that was shown expires; `None` when that one will do.
///
/// A token is replaced when little of its life is left, be it that a new one lives no longer; when the license no
/// longer warrants so long a life; and when it is for another product of the bundle than the one that is asked for.
fn renewed_expiry(
    cx: &Context,
    license: &License,
    shown: &Claims,
    product: &ProductId,
    now: Timestamp,
) -> Option<Timestamp> {
    let fresh = license.token_expiry(now, &cx.config.tokens);
    let ends_soon = shown.expiry().since(now) <= cx.config.tokens.renewal_window;
    (ends_soon || fresh < shown.expiry() || shown.product_id != *product).then_some(fresh)
}
