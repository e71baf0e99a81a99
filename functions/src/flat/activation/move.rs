//! `POST /moveLicense`: take one machine off a license, and let another in.

use std::sync::Arc;

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    event::EventType,
    license::{
        activation::Arrival,
        key::LicenseKey,
        machine::{Fingerprint, Hostname},
    },
    product::ProductId,
    store::{
        cache::Catalog,
        license::{
            moves::{Move, MoveSubjects},
            seats::Watch,
        },
    },
};
use serde::Deserialize;

use super::{Catalogs, activate::Reply, caught, policy};
use crate::{
    flat::face::FlatClient,
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
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

impl Endpoint for MoveLicense {
    const NAME: &'static str = "move-license";
    const ROUTE: &'static str = "POST /moveLicense";
    const SUMMARY: &'static str = "Take one machine off a license, and let another in.";
    const AUTH: Auth = Auth::LicenseKey;
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
        ErrorCode::TooManyMoves,
        ErrorCode::MachineLimitReached,
        ErrorCode::SessionLimitReached,
    ];

    type Face = FlatClient;
    type Request = Request;
    type Fetched = (MoveSubjects, Option<Arc<Catalog>>);
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        // It lets a machine in, so it counts as an attempt to activate, whatever comes of it.
        let now = cx.clock.now();
        let (counted, found, catalog) = tokio::join!(
            cx.store.rate_limit_count_activation(&request.license_key, now),
            cx.store.license_get_to_move_unscoped(
                &request.license_key,
                &request.machine_fingerprint,
                &request.release_fingerprint
            ),
            cx.store.product_cached_unscoped(&request.product_id, now),
        );
        counted?;
        Ok((found?, catalog?))
    }

    async fn call(cx: &Context, caller: Caller, request: Request, fetched: Self::Fetched) -> Result<Reply> {
        let (fetched, catalog) = fetched;
        let now = cx.clock.now();
        let license = fetched.license.ok_or(Error::NotFound(Noun::License))?;
        let product = request.product_id;
        license.opens(&product, now)?;
        let leaving = fetched.leaving.ok_or(Error::NotFound(Noun::Activation))?;
        let catalogs = Catalogs::of(cx, &license, &product, (&product, catalog)).await?;
        let mut deactivated = cx
            .event(EventType::Deactivated, &license, &caller, now)?
            .of_machine(&leaving.fingerprint);
        let mut activated = cx
            .event(EventType::Activated, &license, &caller, now)?
            .of_machine(&request.machine_fingerprint);
        if activated.event_id < deactivated.event_id {
            // Ids of one millisecond are in no order, and this is how the two are told.
            std::mem::swap(&mut activated.event_id, &mut deactivated.event_id);
        }
        let arrival = Arrival {
            fingerprint: request.machine_fingerprint,
            hostname: Some(request.hostname),
            country: caller.country.clone(),
            token_expiry: None,
            now,
        };
        let tokens = &cx.config.tokens;
        let (license, activation) = if leaving.fingerprint == arrival.fingerprint {
            // A machine in its own place: nothing is moved.
            let subject = license.clone();
            let watch = Watch {
                event: &activated,
                shown: None,
                policy: policy(cx, catalogs.own.as_deref()),
                caught: &caught(cx, &subject, &caller, &arrival),
            };
            cx.store
                .activation_admit(license, Some(leaving), &product, &arrival, tokens, &watch)
                .await?
        } else {
            let how = Move {
                product: &product,
                arrival: &arrival,
                tokens,
                moves: &cx.config.moves,
                deactivated: &deactivated,
                activated: &activated,
            };
            cx.store.license_move(license, leaving, fetched.coming, how).await?
        };
        Reply::of(cx, license, &catalogs, &product, &activation, now)
    }
}
