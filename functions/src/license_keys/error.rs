//! The license-keys API's statuses and literals, which its clients compare with.

use http::StatusCode;
use keystead_core::{Error, InvalidRequest, error::Noun};
use serde_json::json;

use crate::{
    flat,
    frame::face::{Face, Refusal},
};

/// Says `error` as the license-keys API's contract has it.
pub(crate) fn refuse(face: Face, error: &Error) -> Refusal {
    let (status, text) = say(face, error);
    let body = if face == Face::LicenseKeysValidate {
        json!({ "valid": false, "error": text })
    } else {
        json!({ "error": text })
    };
    Refusal {
        status,
        body,
        retry_at: flat::error::retry_at(error),
    }
}

fn say(face: Face, error: &Error) -> (StatusCode, String) {
    if let Error::NotFound(Noun::License) = error {
        let text = if face == Face::LicenseKeysSeller {
            "Not found"
        } else {
            "License key not found"
        };
        return (StatusCode::NOT_FOUND, text.to_owned());
    }
    // The key is the only field that must be there.
    if let Error::Invalid(InvalidRequest::MissingFields(_)) = error {
        return (StatusCode::BAD_REQUEST, "License key is required".to_owned());
    }
    flat::error::say(face, error)
}
