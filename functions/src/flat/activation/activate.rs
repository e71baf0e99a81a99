//! `POST /activate`: let a machine in, and give it a token.

use std::sync::Arc;

use keystead_core::{
    Error, Result, Timestamp,
    error::{ErrorCode, Noun},
    license::{
        License,
        activation::{Activation, Api, Arrival},
        admission::{Purpose, SeatRequest},
        key::LicenseKey,
        machine::{Fingerprint, Hostname},
        seats::SeatLimit,
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    request::client_address::Tier,
    signing::token::Token,
    store::cache::Catalog,
};
use serde::{Deserialize, Serialize};

use super::{Catalogs, counted, detection_limits, issue};
use crate::{
    flat::{face::FlatClient, wire::message},
    frame::{
        callers::{LicenseKeyHolder, Source},
        context::Context,
        endpoint::Endpoint,
        subject::Subject,
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
        license: &License,
        catalogs: &Catalogs,
        product: &ProductId,
        activation: &Activation,
        now: Timestamp,
    ) -> Result<Self> {
        let expiry = activation.token_expiry;
        let license = license.for_machine(Some(activation.first_seen)).into_owned();
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

/// A license, and what it needs to let a machine in.
pub struct Arriving {
    license: License,
    /// The machine's activation, if it was let in before.
    known: Option<Activation>,
    catalog: Option<Arc<Catalog>>,
}

impl Subject<Request, LicenseKeyHolder> for Arriving {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<Self>> {
        let ((license, known), catalog) = tokio::try_join!(
            cx.store
                .license_get_with_activation_unscoped(&request.license_key, &request.machine_fingerprint),
            cx.store.product_prefetch_unscoped(&request.product_id, cx.clock.now()),
        )?;
        Ok(license.map(|license| Self {
            license,
            known,
            catalog,
        }))
    }

    async fn admit(_: &Context, _: &LicenseKeyHolder, _: &Request, found: Option<Self>) -> Result<Self> {
        found.ok_or(Error::NotFound(Noun::License))
    }
}

impl Endpoint for Activate {
    const NAME: &'static str = "activate";
    const ROUTE: &'static str = "POST /activate";
    const SUMMARY: &'static str = "Let a machine in, and give it a token.";
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
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = Arriving;
    type Reply = Reply;

    async fn call(cx: &Context, caller: LicenseKeyHolder, request: Request, arriving: Arriving) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let Arriving {
            license,
            known,
            catalog,
        } = arriving;
        let product = request.product_id;
        let network = caller.origin.address.network(Tier::Host);
        let key = license.license_key.clone();
        let machine = known.as_ref().map(|known| known.fingerprint.clone());
        let arrival = Arrival {
            fingerprint: request.machine_fingerprint,
            via: Api::Flat,
            hostname: Some(request.hostname),
            country: caller.country.clone(),
            token_expiry: None,
            now,
        };
        // Every attempt counts, whatever comes of it.
        let let_in = async {
            let first_seen = known.as_ref().map(|known| known.first_seen);
            license.for_machine(first_seen).opens(&product, now)?;
            let catalogs = Catalogs::of(cx, &license, &product, (&product, catalog)).await?;
            let seat = SeatRequest {
                product: &product,
                arrival: &arrival,
                purpose: Purpose::Activate {
                    tokens: &cx.config.tokens,
                    limits: detection_limits(cx, Some(&catalogs.own)),
                    network: &network,
                    most_machines: cx.config.most_machines,
                },
            };
            let (license, activation) = cx.store.activation_admit(license, known, &seat, &audit).await?;
            Ok((license, activation, catalogs))
        };
        let let_in = let_in.await;
        let (license, activation, catalogs) = counted(cx, &key, machine.as_ref(), &network, let_in).await?;
        Reply::of(cx, &license, &catalogs, &product, &activation, now)
    }
}
