//! `POST /listMachines`: the machines on a license, for an application to show.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::{Denial, ErrorCode, Noun},
    license::{
        License,
        key::LicenseKey,
        machine::{Fingerprint, MachineId},
        seats::SeatLimit,
        standing::LicenseStatus,
    },
    signing::{sealing::SealingRoot, token::Token},
    store::license::activation::ActivationCursor,
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
    /// The `activationsCursor` of the page before.
    cursor: Option<String>,
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
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    activations_cursor: Option<String>,
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
        let key = &request.license_key;
        // A cursor is for who has the key.
        let seal = SealingRoot::of_holder(key.as_str()).seal_for("cursor")?;
        let list = async |license: &License| {
            let opened = |text: &str| {
                let cursor = ActivationCursor::open(text, &seal, &license.license_id);
                cursor.ok_or_else(|| Error::field("cursor", "the activationsCursor of a page of the same list"))
            };
            let after = request.cursor.as_deref().map(opened).transpose()?;
            cx.store.activation_list(key, after.as_ref()).await
        };
        let found = |license: Option<License>| license.ok_or(Error::NotFound(Noun::License));
        let (license, (mut machines, next)) = if claims.is_some() && request.cursor.is_none() {
            // The key is good: a token says so that we signed.
            let (license, page) =
                tokio::try_join!(cx.store.license_get_unscoped(key), cx.store.activation_list(key, None),)?;
            (found(license)?, page)
        } else {
            let license = found(cx.store.license_get_unscoped(key).await?)?;
            let page = list(&license).await?;
            (license, page)
        };
        claims.map_or(Ok(()), |claims| claims.issued_for(&license))?;
        if license.standing.status == LicenseStatus::Revoked {
            return Err(Error::Denied(Denial::Revoked));
        }
        let is_listed = machines.iter().any(|machine| machine.fingerprint == asking);
        let is_whole = request.cursor.is_none() && next.is_none();
        // Of a whole list, the list itself decides: an answer holds the machine that asks. It may be on another page.
        if !is_listed && (is_whole || cx.store.activation_get(key, &asking).await?.is_none()) {
            return Err(Error::Denied(Denial::MachineNotActivated));
        }
        let next = next.map(|next| next.seal(&seal, &license.license_id)).transpose()?;
        machines.sort_by_key(|machine| std::cmp::Reverse(machine.last_seen));
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
            activations_cursor: next,
        })
    }
}
