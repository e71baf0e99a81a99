//! `POST /moveLicense`: take one machine off a license, and let another in.

use std::sync::Arc;

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    license::{
        License,
        activation::{Activation, Api, Arrival},
        admission::{Purpose, SeatRequest},
        key::LicenseKey,
        machine::{Fingerprint, Hostname},
        moves::{MoveRequest, NamedBy},
    },
    product::ProductId,
    request::client_address::Tier,
    store::cache::Catalog,
};
use serde::Deserialize;

use super::{Catalogs, activate::Reply, counted, detection_limits};
use crate::{
    flat::face::FlatClient,
    frame::{
        callers::{LicenseKeyHolder, Source},
        context::Context,
        endpoint::Endpoint,
        subject::Subject,
    },
};

/// `POST /moveLicense`.
pub struct MoveLicense;

/// A machine that wants in, and the one whose place it takes.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    machine_fingerprint: Fingerprint,
    hostname: Hostname,
    product_id: ProductId,
    /// Whole, or as `/listMachines` shows it.
    release_fingerprint: Fingerprint,
}

/// A license, and the machines of which one takes the other's place.
pub struct Moving {
    license: License,
    leaving: Option<Activation>,
    coming: Option<Activation>,
    catalog: Option<Arc<Catalog>>,
}

impl Subject<Request, LicenseKeyHolder> for Moving {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<Self>> {
        let ((license, coming), catalog) = tokio::try_join!(
            cx.store
                .license_get_with_activation_unscoped(&request.license_key, &request.machine_fingerprint),
            cx.store.product_prefetch_unscoped(&request.product_id, cx.clock.now()),
        )?;
        Ok(license.map(|license| Self {
            license,
            leaving: None,
            coming,
            catalog,
        }))
    }

    /// The machine that leaves may have to be looked for among the others, which is done for nobody whose key is made up.
    async fn admit(cx: &Context, _: &LicenseKeyHolder, request: &Request, found: Option<Self>) -> Result<Self> {
        let found = found.ok_or(Error::NotFound(Noun::License))?;
        let leaving = cx
            .store
            .activation_get_leaving(&found.license.license_key, &request.release_fingerprint);
        Ok(Self {
            leaving: leaving.await?,
            ..found
        })
    }
}

impl Endpoint for MoveLicense {
    const NAME: &'static str = "move-license";
    const ROUTE: &'static str = "POST /moveLicense";
    const SUMMARY: &'static str = "Take one machine off a license, and let another in.";
    const REQUIRED: &'static [&'static str] = &[
        "licenseKey",
        "machineFingerprint",
        "hostname",
        "productId",
        "releaseFingerprint",
    ];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::TooManyActivations,
        ErrorCode::LicenseNotFound,
        ErrorCode::WrongProduct,
        ErrorCode::LicenseRevoked,
        ErrorCode::LicenseExpired,
        ErrorCode::LicenseSuspended,
        ErrorCode::ActivationNotFound,
        ErrorCode::MachineMayRun,
        ErrorCode::TooManyMoves,
        ErrorCode::MachineLimitReached,
        ErrorCode::SessionLimitReached,
    ];

    type Face = FlatClient;
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = Moving;
    type Reply = Reply;

    async fn call(cx: &Context, caller: LicenseKeyHolder, request: Request, moving: Moving) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let Moving {
            license,
            leaving,
            coming,
            catalog,
        } = moving;
        let product = request.product_id;
        let network = caller.origin.address.network(Tier::Host);
        let key = license.license_key.clone();
        let machine = coming.as_ref().map(|coming| coming.fingerprint.clone());
        let arrival = Arrival {
            fingerprint: request.machine_fingerprint,
            via: Api::Flat,
            hostname: Some(request.hostname),
            country: caller.country.clone(),
            token_expiry: None,
            now,
        };
        // It lets a machine in, so it counts as an attempt to activate, whatever comes of it.
        let let_in = async {
            let first_seen = coming.as_ref().map(|coming| coming.first_seen);
            license.for_machine(first_seen).opens(&product, now)?;
            let leaving = leaving.ok_or(Error::NotFound(Noun::Activation))?;
            let catalogs = Catalogs::of(cx, &license, &product, (&product, catalog)).await?;
            let tokens = &cx.config.tokens;
            let (license, activation) = if leaving.fingerprint == arrival.fingerprint {
                // A machine in its own place: nothing is moved.
                let seat = SeatRequest {
                    product: &product,
                    arrival: &arrival,
                    purpose: Purpose::Activate {
                        tokens,
                        limits: detection_limits(cx, Some(&catalogs.own)),
                        network: &network,
                        most_machines: cx.config.most_machines,
                    },
                };
                cx.store.activation_admit(license, Some(leaving), &seat, &audit).await?
            } else {
                // Where a machine leaves by its own token only, its fingerprint is no more than what it is shown as.
                let needs_token = catalogs.own.product.keys.deactivate_needs_token == Some(true);
                let named = if leaving.fingerprint == request.release_fingerprint && !needs_token {
                    NamedBy::Fingerprint
                } else {
                    NamedBy::Shown
                };
                let request = MoveRequest {
                    product: &product,
                    arrival: &arrival,
                    tokens,
                    policy: &cx.config.moves,
                    named,
                    network: &network,
                };
                cx.store
                    .license_move(license, leaving, coming, &request, &audit)
                    .await?
            };
            Ok((license, activation, catalogs))
        };
        let let_in = let_in.await;
        let (license, activation, catalogs) = counted(cx, &key, machine.as_ref(), &network, let_in).await?;
        Reply::of(cx, &license, &catalogs, &product, &activation, now)
    }
}
