//! The license-keys API's statuses and literals, which its clients compare with.

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest,
    error::{Denial, Noun},
    signing::secrets::SecretName,
};
use serde::Serialize;

use crate::frame::face::{Face, Readers, Refusal, usual};

const PREFIX: &str = "/api/license-keys";

/// For applications: `{"valid": false, "error": ...}`. Its good replies say `valid` themselves: some keys are not.
pub struct KeysForApplications;

impl Face for KeysForApplications {
    const NAME: &'static str = "KeysForApplications";
    const PREFIX: &'static str = PREFIX;
    const SIGNS: bool = true;
    const SECRETS: &'static [SecretName] = &[SecretName::Signing];

    fn refuse(error: &Error) -> Refusal {
        let (status, text) = say(error, "License key not found");
        Refusal::new(status, text, |error| NotValid { error, valid: false })
    }
}

/// For buyers: `{"error": ...}`.
pub struct KeysForBuyers;

impl Face for KeysForBuyers {
    const NAME: &'static str = "KeysForBuyers";
    const PREFIX: &'static str = PREFIX;
    const READERS: Readers = Readers::Listed;

    fn refuse(error: &Error) -> Refusal {
        let (status, text) = say(error, "License key not found");
        Refusal::new(status, text, |error| Refused { error })
    }
}

/// For sellers: as [`KeysForBuyers`], with other words for what is not there.
pub struct KeysForSellers;

impl Face for KeysForSellers {
    const NAME: &'static str = "KeysForSellers";
    const PREFIX: &'static str = PREFIX;
    const READERS: Readers = Readers::Listed;

    fn refuse(error: &Error) -> Refusal {
        let (status, text) = say(error, "Not found");
        Refusal::new(status, text, |error| Refused { error })
    }
}

#[derive(Serialize)]
struct NotValid {
    error: String,
    valid: bool,
}

#[derive(Serialize)]
struct Refused {
    error: String,
}

fn say(error: &Error, not_found: &str) -> (StatusCode, String) {
    let (status, usual) = usual(error);
    let text = match error {
        Error::Invalid(InvalidRequest::MissingFields(["hwid"])) => "Hardware ID is required",
        // The key is the only field that must be there whatever the product.
        Error::Invalid(InvalidRequest::MissingFields(_)) => "License key is required",
        Error::NotFound(Noun::License) => not_found,
        Error::Denied(denial) => match denial {
            Denial::NotActive => return (StatusCode::BAD_REQUEST, "License key is not active".to_owned()),
            Denial::ShuffleDisabled => "Key regeneration is disabled for this product. Contact the seller.",
            Denial::ResetDisabled => "Device reset is disabled for this product. Contact the seller.",
            Denial::Revoked
            | Denial::Expired
            | Denial::Suspended
            | Denial::WrongProduct
            | Denial::MayStillRun { .. }
            | Denial::MachineNotActivated
            | Denial::ResetLimitReached
            | Denial::ResetCooldown { .. }
            | Denial::ProductArchived
            | Denial::CodeInactive
            | Denial::CodeExpired
            | Denial::CodeUsedUp
            | Denial::CodeRedeemed
            | Denial::MailNotSetUp
            | Denial::ApiKeyRevoked => &usual,
        },
        Error::Invalid(_)
        | Error::Unauthenticated(_)
        | Error::Forbidden(_)
        | Error::NotFound(_)
        | Error::Taken(_)
        | Error::Full { .. }
        | Error::Throttled { .. }
        | Error::Conflict(_)
        | Error::Internal(_) => &usual,
    };
    (status, text.to_owned())
}
