//! The flat API's statuses and literals, which its clients compare with.

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest, Timestamp,
    error::{Conflict, Credential, Denial, Noun, Resource, Restriction, Throttle, Unique},
};
use serde_json::json;

use crate::frame::face::{Face, Refusal};

/// Says `error` as the flat API's contract has it.
pub(crate) fn refuse(face: Face, error: &Error) -> Refusal {
    let (status, text) = say(face, error);
    let mut body = match face {
        Face::FlatClient
        | Face::FlatAdmin
        | Face::LicenseKeysValidate
        | Face::LicenseKeysBuyer
        | Face::LicenseKeysSeller
        | Face::Auth => json!({ "success": false, "error": text }),
        Face::FlatValidate | Face::FlatVerify => json!({ "valid": false, "error": text }),
    };
    if face == Face::FlatVerify
        && let Some(reason) = reason(error)
    {
        body["reason"] = reason.into();
    }
    Refusal {
        status,
        body,
        retry_at: retry_at(error),
    }
}

/// When to try again, of a refusal that says so.
pub(crate) fn retry_at(error: &Error) -> Option<Timestamp> {
    if let Error::Throttled { retry_at, .. } = error {
        Some(*retry_at)
    } else {
        None
    }
}

/// The status and the words of a refusal. Other faces begin with these.
pub(crate) fn say(face: Face, error: &Error) -> (StatusCode, String) {
    let (status, text) = match error {
        Error::Invalid(invalid) => return say_invalid(face, invalid),
        Error::Unauthenticated(credential) => (
            StatusCode::UNAUTHORIZED,
            match credential {
                Credential::Caller => "Unauthorized",
                Credential::Token => "Invalid or expired token",
                Credential::Password => "Wrong email or password",
            },
        ),
        Error::Forbidden(restriction) => (
            StatusCode::FORBIDDEN,
            match restriction {
                Restriction::Role => "Forbidden",
                Restriction::ForeignOwner => "The API key belongs to another creator",
            },
        ),
        Error::NotFound(noun) => (
            StatusCode::NOT_FOUND,
            match noun {
                Noun::License => "License not found",
                Noun::Activation => "Activation not found",
                Noun::Session => "Session not found",
                Noun::Product => "Product not found",
                Noun::Variant => "Variant not found",
                Noun::Code => "Trial code not found",
                Noun::ApiKey => "API key not found",
            },
        ),
        Error::Taken(unique) => (
            StatusCode::CONFLICT,
            match unique {
                Unique::LicenseKey => "A license with this key already exists",
                Unique::Slug => "A product with this slug already exists",
                Unique::VariantId => "A variant with this name already exists",
                Unique::CodeName => "A code with this name already exists",
            },
        ),
        Error::Denied(denial) => say_denied(*denial),
        // Floating licenses say the same: the clients' library knows this text only.
        Error::Full {
            of: Resource::Machine | Resource::Session,
            limit,
        } => {
            let text = format!("Machine limit reached ({limit}). Deactivate another machine first.");
            return (StatusCode::FORBIDDEN, text);
        }
        Error::Throttled { by, .. } => match by {
            Throttle::Activations => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many activation attempts. Try again later.",
            ),
            Throttle::Moves => (StatusCode::TOO_MANY_REQUESTS, "Too many moves. Try again later."),
            Throttle::Attempts => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Try again later."),
            Throttle::Busy => (StatusCode::SERVICE_UNAVAILABLE, "The service is busy. Try again later."),
        },
        Error::Conflict(conflict) => (
            StatusCode::CONFLICT,
            match conflict {
                Conflict::IdempotencyKeyReused => "The Idempotency-Key was used for another request",
                Conflict::RequestInProgress => "A request with this Idempotency-Key is in progress. Try again later.",
            },
        ),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
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
        Denial::ShuffleDisabled => (
            StatusCode::FORBIDDEN,
            "Key regeneration is disabled for this product. Contact the seller.",
        ),
        Denial::ResetDisabled => (
            StatusCode::FORBIDDEN,
            "Device reset is disabled for this product. Contact the seller.",
        ),
        Denial::ProductArchived => (StatusCode::BAD_REQUEST, "Product is archived"),
        Denial::CodeInactive => (StatusCode::FORBIDDEN, "Trial code is inactive"),
        Denial::CodeExpired => (StatusCode::FORBIDDEN, "Trial code has expired"),
        Denial::CodeUsedUp => (StatusCode::FORBIDDEN, "Trial code has reached its usage limit"),
        Denial::CodeRedeemed => (StatusCode::CONFLICT, "Trial already redeemed for this email"),
    }
}

fn say_invalid(face: Face, invalid: &InvalidRequest) -> (StatusCode, String) {
    match invalid {
        InvalidRequest::NotAnObject => (StatusCode::BAD_REQUEST, "Invalid JSON body".to_owned()),
        InvalidRequest::TooLarge { limit } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Request body is larger than {} KiB", limit / 1024),
        ),
        InvalidRequest::MissingFields(fields) => {
            let text = match face {
                Face::FlatClient | Face::FlatValidate | Face::FlatVerify => "Missing required fields".to_owned(),
                Face::FlatAdmin
                | Face::LicenseKeysValidate
                | Face::LicenseKeysBuyer
                | Face::LicenseKeysSeller
                | Face::Auth => format!("Missing required fields: {}", fields.join(", ")),
            };
            (StatusCode::BAD_REQUEST, text)
        }
        InvalidRequest::NothingToUpdate => (StatusCode::BAD_REQUEST, "No fields to update".to_owned()),
        InvalidRequest::MailToken => (StatusCode::BAD_REQUEST, "Invalid or expired token".to_owned()),
        InvalidRequest::Field { field, expected } if expected.is_empty() => {
            (StatusCode::BAD_REQUEST, format!("Invalid {field}"))
        }
        InvalidRequest::Field { field, expected } => {
            (StatusCode::BAD_REQUEST, format!("Invalid {field}: must be {expected}"))
        }
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
