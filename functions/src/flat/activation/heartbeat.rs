//! `POST /heartbeat`: keep a floating session alive.

use keystead_core::{
    Error, Result, Timestamp,
    error::{Denial, ErrorCode, Noun},
    license::{
        License,
        activation::{Api, Arrival, HEARTBEAT_INTERVAL, SESSION_TIMEOUT},
        admission::{Purpose, SeatRequest},
        key::LicenseKey,
        machine::Fingerprint,
        standing::LicenseStatus,
    },
    signing::token::Token,
    store::license::activation::HeartbeatOutcome,
};
use serde::{Deserialize, Serialize};

use super::shown;
use crate::{
    flat::{face::FlatClient, wire::message},
    frame::{callers::LicenseKeyHolder, context::Context, endpoint::Endpoint, lenient::blank_is_absent},
};

/// `POST /heartbeat`.
pub struct Heartbeat;

/// A machine that is still there.
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

/// A machine that may go on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    status: LicenseStatus,
    message: &'static str,
    /// Until when the session holds without another heartbeat.
    session_expires_at: Timestamp,
    /// After how many seconds the next heartbeat is due.
    next_heartbeat: u64,
}

impl Endpoint for Heartbeat {
    const NAME: &'static str = "heartbeat";
    const ROUTE: &'static str = "POST /heartbeat";
    const SUMMARY: &'static str = "Keep a floating session alive.";
    const REQUIRED: &'static [&'static str] = &["licenseKey", "machineFingerprint"];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::InvalidToken,
        ErrorCode::LicenseNotFound,
        ErrorCode::LicenseRevoked,
        ErrorCode::LicenseExpired,
        ErrorCode::LicenseSuspended,
        ErrorCode::SessionNotFound,
        ErrorCode::SessionLimitReached,
    ];

    type Face = FlatClient;
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: LicenseKeyHolder, request: Request, (): ()) -> Result<Reply> {
        let now = cx.clock.now();
        let (key, machine) = (&request.license_key, &request.machine_fingerprint);
        let claims = shown(cx, request.token.as_ref(), key, machine).await?;
        let found = |license: Option<License>| license.ok_or(Error::NotFound(Noun::License));
        let (license, beat) = if claims.is_some() {
            // Extending the session of a license that turns out to be blocked does no harm, and saves a round trip.
            let (license, beat) = tokio::try_join!(
                cx.store.license_get_unscoped(key),
                cx.store.activation_heartbeat(key, machine, now),
            )?;
            (found(license)?, beat)
        } else {
            // Nothing is written for a key that may be made up.
            let license = found(cx.store.license_get_unscoped(key).await?)?;
            (license, cx.store.activation_heartbeat(key, machine, now).await?)
        };
        claims.map_or(Ok(()), |claims| claims.issued_for(&license))?;
        let first_seen = match &beat {
            HeartbeatOutcome::NoSession(activation) => activation.as_ref().map(|activation| activation.first_seen),
            // Only of a license that the detectors hold something against it matters which machine it is.
            HeartbeatOutcome::Extended(_) if license.standing.detected.is_some() => {
                let activation = cx.store.activation_get(key, machine).await?;
                activation.map(|activation| activation.first_seen)
            }
            HeartbeatOutcome::Extended(_) => None,
        };
        license.for_machine(first_seen).standing(now)?;
        let (license, held_until) = match beat {
            HeartbeatOutcome::Extended(until) => (license, until),
            HeartbeatOutcome::NoSession(activation) => {
                let activation = activation.ok_or(Error::NotFound(Noun::Session))?;
                let arrival = Arrival {
                    fingerprint: request.machine_fingerprint,
                    via: Api::Flat,
                    hostname: None,
                    // Nobody looks at where it is, so it is not noted either: the next validation tells it.
                    country: None,
                    token_expiry: None,
                    now,
                };
                // A session that was reaped is opened again if a seat is free. On a license without sessions this
                // notes that the machine was seen.
                let product = license.product_id.clone();
                let seat = SeatRequest {
                    product: &product,
                    arrival: &arrival,
                    purpose: Purpose::Heartbeat,
                };
                let audit = cx.audit(&caller.origin);
                let admitted = cx.store.activation_admit(license, Some(*activation), &seat, &audit);
                let (license, activation) = admitted.await.map_err(gone)?;
                // A license without sessions is asked about as often.
                (license, activation.lease_until.unwrap_or(now + SESSION_TIMEOUT))
            }
        };
        let license = license.for_machine(first_seen);
        Ok(Reply {
            status: license.standing.status,
            message: message(license.standing(now)?),
            session_expires_at: held_until,
            next_heartbeat: HEARTBEAT_INTERVAL.as_secs(),
        })
    }
}

/// What this endpoint calls a machine whose activation is removed while it beats.
fn gone(error: Error) -> Error {
    if let Error::Denied(Denial::MachineNotActivated) = error {
        Error::NotFound(Noun::Session)
    } else {
        error
    }
}
