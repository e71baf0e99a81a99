//! The flat API's statuses and literals, which its clients compare with.

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest,
    error::{Denial, Noun, Resource, Restriction, Throttle, Unique},
    signing::secrets::SecretName,
};
use serde::Serialize;

use crate::frame::face::{Face, Flagged, Refusal, usual};

/// For applications: `{"success": false, "error": ...}`.
pub struct FlatClient;

impl Face for FlatClient {
    const NAME: &'static str = "FlatClient";
    const SIGNS: bool = true;
    const SECRETS: &'static [SecretName] = &[SecretName::Signing];
    const FLAG: Option<&'static str> = Some("success");

    fn refuse(error: &Error) -> Refusal {
        refuse(say_to_client(error))
    }
}

/// As [`FlatClient`], for replies that other standards define, which no flag opens.
pub struct FlatBare;

impl Face for FlatBare {
    const NAME: &'static str = "FlatBare";
    const SIGNS: bool = true;
    const SECRETS: &'static [SecretName] = &[SecretName::Signing];

    fn refuse(error: &Error) -> Refusal {
        FlatClient::refuse(error)
    }
}

/// `/validate`: `{"valid": false, "error": ...}`.
pub struct FlatValidate;

impl Face for FlatValidate {
    const NAME: &'static str = "FlatValidate";
    const SIGNS: bool = true;
    const SECRETS: &'static [SecretName] = &[SecretName::Signing];
    const FLAG: Option<&'static str> = Some("valid");

    fn refuse(error: &Error) -> Refusal {
        refuse_validity(error, None)
    }
}

/// `/verify`: as [`FlatValidate`], with a machine-readable `reason`.
pub struct FlatVerify;

impl Face for FlatVerify {
    const NAME: &'static str = "FlatVerify";
    const SIGNS: bool = true;
    const SECRETS: &'static [SecretName] = &[SecretName::Signing];
    const FLAG: Option<&'static str> = Some("valid");

    fn refuse(error: &Error) -> Refusal {
        refuse_validity(error, reason(error))
    }
}

/// For vendors, operators and stores: as [`FlatClient`], but missing fields are named.
pub struct FlatAdmin;

impl Face for FlatAdmin {
    const NAME: &'static str = "FlatAdmin";
    const FLAG: Option<&'static str> = Some("success");

    fn refuse(error: &Error) -> Refusal {
        refuse(say(error))
    }
}

/// A refusal of `/validate` or `/verify`.
#[derive(Serialize)]
struct NotValid {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    valid: bool,
}

fn refuse((status, text): (StatusCode, String)) -> Refusal {
    Refusal::new(status, text, |error| Flagged { error, success: false })
}

fn refuse_validity(error: &Error, reason: Option<&'static str>) -> Refusal {
    let (status, text) = say_to_client(error);
    Refusal::new(status, text, |error| NotValid {
        error,
        reason,
        valid: false,
    })
}

fn say_to_client(error: &Error) -> (StatusCode, String) {
    if let Error::Invalid(InvalidRequest::MissingFields(_)) = error {
        (StatusCode::BAD_REQUEST, "Missing required fields".to_owned())
    } else {
        say(error)
    }
}

fn say(error: &Error) -> (StatusCode, String) {
    let (status, usual) = usual(error);
    let (status, text) = match error {
        Error::Forbidden(Restriction::ForeignOwner) => (status, "The API key belongs to another creator"),
        Error::NotFound(noun) => (
            status,
            match noun {
                Noun::License => "License not found",
                Noun::Activation => "Activation not found",
                Noun::Session => "Session not found",
                Noun::Product => "Product not found",
                Noun::Variant => "Variant not found",
                Noun::Code => "Trial code not found",
                Noun::ApiKey => "API key not found",
                Noun::Organisation | Noun::Member | Noun::Invite | Noun::BlacklistEntry | Noun::Record => {
                    return (status, usual);
                }
            },
        ),
        Error::Taken(unique) => (
            status,
            match unique {
                Unique::LicenseKey => "A license with this key already exists",
                Unique::Slug => "A product with this slug already exists",
                Unique::VariantId => "A variant with this name already exists",
                Unique::CodeName => "A code with this name already exists",
                Unique::OrganisationSlug | Unique::Member | Unique::Holder => return (status, usual),
            },
        ),
        Error::Denied(Denial::MailNotSetUp | Denial::ApiKeyRevoked) => return (status, usual),
        // Applications show this to people.
        Error::Denied(Denial::MayStillRun { until }) => {
            let text = format!(
                "The machine may still run until {until}. Deactivate it there, wait until then, or ask the vendor."
            );
            return (StatusCode::FORBIDDEN, text);
        }
        Error::Denied(denial) => say_denied(*denial),
        // Floating licenses say the same: the clients' library knows this text only.
        Error::Full {
            of: Resource::Machine | Resource::Session,
            limit,
        } => {
            let text = format!("Machine limit reached ({limit}). Deactivate another machine first.");
            return (status, text);
        }
        Error::Throttled { by, .. } => match by {
            Throttle::Activations => (status, "Too many activation attempts. Try again later."),
            Throttle::Moves => (status, "Too many moves. Try again later."),
            Throttle::Attempts | Throttle::Busy | Throttle::Requests => return (status, usual),
        },
        Error::Invalid(_)
        | Error::Unauthenticated(_)
        | Error::Forbidden(
            Restriction::Role
            | Restriction::ForeignOrigin
            | Restriction::ForeignInvite
            | Restriction::Permission(_)
            | Restriction::ForeignProduct
            | Restriction::InvitationOnly,
        )
        | Error::Conflict(_)
        | Error::Internal(_) => return (status, usual),
    };
    (status, text.to_owned())
}

fn say_denied(denial: Denial) -> (StatusCode, &'static str) {
    match denial {
        Denial::Revoked => (StatusCode::FORBIDDEN, "License has been revoked"),
        Denial::Expired => (StatusCode::FORBIDDEN, "License has expired"),
        Denial::Suspended => (StatusCode::FORBIDDEN, "License is suspended"),
        Denial::WrongProduct => (StatusCode::FORBIDDEN, "License is for a different product"),
        Denial::NotActive => (StatusCode::BAD_REQUEST, "License key is not active"),
        Denial::MachineNotActivated => (StatusCode::FORBIDDEN, "Machine is not activated"),
        Denial::MayStillRun { .. } => (StatusCode::FORBIDDEN, "The machine may still run"),
        Denial::ShuffleDisabled | Denial::ResetDisabled | Denial::ResetLimitReached | Denial::ResetCooldown { .. } => {
            (StatusCode::FORBIDDEN, "Not allowed")
        }
        Denial::ProductArchived => (StatusCode::BAD_REQUEST, "Product is archived"),
        Denial::CodeInactive => (StatusCode::FORBIDDEN, "Trial code is inactive"),
        Denial::CodeExpired => (StatusCode::FORBIDDEN, "Trial code has expired"),
        Denial::CodeUsedUp => (StatusCode::FORBIDDEN, "Trial code has reached its usage limit"),
        Denial::CodeRedeemed => (StatusCode::CONFLICT, "Trial already redeemed for this email"),
        Denial::ApiKeyRevoked => (StatusCode::CONFLICT, "API key has been revoked"),
        Denial::MailNotSetUp => (StatusCode::SERVICE_UNAVAILABLE, "Mail is not set up here"),
    }
}

/// The `reason` of `/verify`, where it has one.
fn reason(error: &Error) -> Option<&'static str> {
    match error {
        Error::NotFound(Noun::License)
        | Error::Denied(Denial::Revoked | Denial::Expired | Denial::WrongProduct | Denial::Suspended) => {
            Some(error.code().as_str())
        }
        Error::Invalid(_)
        | Error::Unauthenticated(_)
        | Error::Forbidden(_)
        | Error::NotFound(_)
        | Error::Taken(_)
        | Error::Denied(_)
        | Error::Full { .. }
        | Error::Throttled { .. }
        | Error::Conflict(_)
        | Error::Internal(_) => None,
    }
}
