//! `POST /listMachines`: the machines on a license, for an application to show.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::{Denial, ErrorCode, Noun},
    license::{
        key::LicenseKey,
        machine::{Fingerprint, MachineId},
        seats::SeatLimit,
        standing::LicenseStatus,
    },
    signing::token::Token,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatClient,
    frame::{callers::LicenseKeyHolder, context::Context, endpoint::Endpoint, lenient::blank_is_absent},
};

/// `POST /listMachines`.
pub struct ListMachines;

/// A machine on the license, by the token it was given or by its fingerprint.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Token>"))]
    token: Option<Token>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "crate::frame::lenient::MayBeBlank<Fingerprint>")
    )]
    machine_fingerprint: Option<Fingerprint>,
}

/// The license's machines.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    machines: Vec<Machine>,
    count: usize,
    machines_used: u32,
    max_machines: SeatLimit,
}

/// A machine, as its license's other machines may see it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Machine {
    /// What it is shown as: the beginning of a digest of its fingerprint.
    fingerprint: String,
    hostname: String,
    first_seen: Timestamp,
    last_seen: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
    session_active: bool,
}

/// At most so many machines are listed: those that were seen last.
const MOST: usize = 1000;

impl Endpoint for ListMachines {
    const NAME: &'static str = "list-machines";
    const ROUTE: &'static str = "POST /listMachines";
    const SUMMARY: &'static str = "List the machines on a license, for an application to show.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::InvalidToken,
        ErrorCode::LicenseNotFound,
        ErrorCode::LicenseRevoked,
        ErrorCode::MachineNotActivated,
    ];

    type Face = FlatClient;
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    /// The machines of licenses that have expired, or are suspended, are listed as well.
    async fn call(cx: &Context, _: LicenseKeyHolder, request: Request, (): ()) -> Result<Reply> {
        let now = cx.clock.now();
        let claims = match &request.token {
            Some(token) => Some(cx.keys.verify(token, now).await?),
            None => None,
        };
        let named = request.machine_fingerprint.as_ref();
        let asking = named.or(claims.as_ref().map(|claims| &claims.machine_fingerprint));
        // Which of the two is missing can't be said.
        let asking = asking.ok_or(Error::Invalid(InvalidRequest::MissingFields(Self::REQUIRED)))?;
        if let Some(claims) = &claims {
            claims.bound_to(&request.license_key, asking)?;
        }
        let asking = asking.clone();
        let (license, mut machines) = tokio::try_join!(
            cx.store.license_get_unscoped(&request.license_key),
            cx.store.activation_list(&request.license_key),
        )?;
        let license = license.ok_or(Error::NotFound(Noun::License))?;
        claims.map_or(Ok(()), |claims| claims.issued_for(&license))?;
        if license.standing.status == LicenseStatus::Revoked {
            return Err(Error::Denied(Denial::Revoked));
        }
        if !machines.iter().any(|machine| machine.fingerprint == asking) {
            return Err(Error::Denied(Denial::MachineNotActivated));
        }
        machines.sort_by_key(|machine| std::cmp::Reverse(machine.last_seen));
        machines.truncate(MOST);
        let floating = license.seats.session_limit().is_some();
        let machines: Vec<Machine> = machines
            .into_iter()
            .map(|machine| Machine {
                fingerprint: MachineId::of(&machine.fingerprint).shown().to_owned(),
                hostname: machine.hostname.to_string(),
                first_seen: machine.first_seen,
                last_seen: machine.last_seen,
                current: machine.fingerprint == asking,
                session_active: floating && machine.session_is_live(now),
            })
            .collect();
        Ok(Reply {
            count: machines.len(),
            machines,
            machines_used: license.seats.machines_used,
            max_machines: license.seats.max_machines,
        })
    }
}
