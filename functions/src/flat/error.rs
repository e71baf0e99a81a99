//! The flat API's statuses and literals, which its clients compare with.

use http::StatusCode;
use keystead_core::{Error, InvalidRequest, Timestamp};
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
    if let Error::TooManyActivations { retry_at }
    | Error::TooManyMoves { retry_at }
    | Error::TooManyAttempts { retry_at }
    | Error::Busy { retry_at } = error
    {
        Some(*retry_at)
    } else {
        None
    }
}

/// The status and the words of a refusal. Other faces begin with these.
pub(crate) fn say(face: Face, error: &Error) -> (StatusCode, String) {
    let (status, text) = match error {
        Error::Invalid(invalid) => return say_invalid(face, invalid),
        // Floating licenses say the same: the clients' library knows this text only.
        Error::MachineLimitReached { limit } | Error::SessionLimitReached { limit } => {
            let text = format!("Machine limit reached ({limit}). Deactivate another machine first.");
            return (StatusCode::FORBIDDEN, text);
        }
        Error::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
        Error::LicenseNotFound => (StatusCode::NOT_FOUND, "License not found"),
        Error::LicenseKeyTaken => (StatusCode::CONFLICT, "A license with this key already exists"),
        Error::LicenseRevoked => (StatusCode::FORBIDDEN, "License has been revoked"),
        Error::LicenseExpired => (StatusCode::FORBIDDEN, "License has expired"),
        Error::LicenseSuspended => (StatusCode::FORBIDDEN, "License is suspended"),
        Error::WrongProduct => (StatusCode::FORBIDDEN, "License is for a different product"),
        Error::TooManyActivations { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many activation attempts. Try again later.",
        ),
        Error::TooManyMoves { .. } => (StatusCode::TOO_MANY_REQUESTS, "Too many moves. Try again later."),
        Error::InvalidToken => (StatusCode::UNAUTHORIZED, "Invalid or expired token"),
        Error::MachineNotActivated => (StatusCode::FORBIDDEN, "Machine is not activated"),
        Error::ActivationNotFound => (StatusCode::NOT_FOUND, "Activation not found"),
        Error::SessionNotFound => (StatusCode::NOT_FOUND, "Session not found"),
        Error::LicenseNotActive => (StatusCode::BAD_REQUEST, "License key is not active"),
        Error::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
        Error::ShuffleDisabled => (
            StatusCode::FORBIDDEN,
            "Key regeneration is disabled for this product. Contact the seller.",
        ),
        Error::ResetDisabled => (
            StatusCode::FORBIDDEN,
            "Device reset is disabled for this product. Contact the seller.",
        ),
        Error::WrongPassword => (StatusCode::UNAUTHORIZED, "Wrong email or password"),
        Error::InvalidMailToken => (StatusCode::BAD_REQUEST, "Invalid or expired token"),
        Error::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Try again later."),
        Error::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "The service is busy. Try again later."),
        Error::ProductNotFound => (StatusCode::NOT_FOUND, "Product not found"),
        Error::ProductArchived => (StatusCode::BAD_REQUEST, "Product is archived"),
        Error::SlugTaken => (StatusCode::CONFLICT, "A product with this slug already exists"),
        Error::VariantNotFound => (StatusCode::NOT_FOUND, "Variant not found"),
        Error::VariantTaken => (StatusCode::CONFLICT, "A variant with this name already exists"),
        Error::CodeNotFound => (StatusCode::NOT_FOUND, "Trial code not found"),
        Error::CodeTaken => (StatusCode::CONFLICT, "A code with this name already exists"),
        Error::CodeInactive => (StatusCode::FORBIDDEN, "Trial code is inactive"),
        Error::CodeExpired => (StatusCode::FORBIDDEN, "Trial code has expired"),
        Error::CodeUsedUp => (StatusCode::FORBIDDEN, "Trial code has reached its usage limit"),
        Error::CodeRedeemed => (StatusCode::CONFLICT, "Trial already redeemed for this email"),
        Error::ApiKeyNotFound => (StatusCode::NOT_FOUND, "API key not found"),
        Error::ForeignOwner => (StatusCode::FORBIDDEN, "The API key belongs to another creator"),
        Error::IdempotencyKeyReused => (StatusCode::CONFLICT, "The Idempotency-Key was used for another request"),
        Error::RequestInProgress => (
            StatusCode::CONFLICT,
            "A request with this Idempotency-Key is in progress. Try again later.",
        ),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
    };
    (status, text.to_owned())
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
        Error::LicenseNotFound
        | Error::LicenseRevoked
        | Error::LicenseExpired
        | Error::WrongProduct
        | Error::LicenseSuspended => Some(error.code()),
        Error::Invalid(_)
        | Error::Unauthorized
        | Error::LicenseKeyTaken
        | Error::MachineLimitReached { .. }
        | Error::SessionLimitReached { .. }
        | Error::TooManyActivations { .. }
        | Error::TooManyMoves { .. }
        | Error::InvalidToken
        | Error::MachineNotActivated
        | Error::ActivationNotFound
        | Error::SessionNotFound
        | Error::LicenseNotActive
        | Error::Forbidden
        | Error::ShuffleDisabled
        | Error::ResetDisabled
        | Error::WrongPassword
        | Error::InvalidMailToken
        | Error::TooManyAttempts { .. }
        | Error::Busy { .. }
        | Error::ProductNotFound
        | Error::ProductArchived
        | Error::SlugTaken
        | Error::VariantNotFound
        | Error::VariantTaken
        | Error::CodeNotFound
        | Error::CodeTaken
        | Error::CodeInactive
        | Error::CodeExpired
        | Error::CodeUsedUp
        | Error::CodeRedeemed
        | Error::ApiKeyNotFound
        | Error::ForeignOwner
        | Error::IdempotencyKeyReused
        | Error::RequestInProgress
        | Error::Internal(_) => None,
    }
}
