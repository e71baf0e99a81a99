//! The words of `/v1`: `{"ok": true, "data": ...}` and `{"ok": false, "error": {"message": ..., "code": ...}}`.

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest,
    error::{Credential, Denial, Noun, Restriction, Unique},
    signing::secrets::SecretName,
};
use serde::Serialize;
#[cfg(feature = "openapi")]
use serde_json::{Value, json};

use crate::frame::face::{Face, Readers, Refusal, Unrouted, usual};

const PREFIX: &str = "/v1";

/// For people, who show the token of a login.
pub struct V1;

impl Face for V1 {
    const NAME: &'static str = "V1";
    const PREFIX: &'static str = PREFIX;
    const READERS: Readers = Readers::Listed;
    const FINDS_BY_PATH: bool = true;
    const LIMITS: bool = true;

    fn refuse(error: &Error) -> Refusal {
        refuse(error, "Invalid or missing session token")
    }

    fn unrouted(why: Unrouted) -> Refusal {
        unrouted(why)
    }

    fn wrap(reply: Vec<u8>) -> Vec<u8> {
        wrap(&reply)
    }

    #[cfg(feature = "openapi")]
    fn describe(reply: &mut Value) {
        describe(reply);
    }
}

/// For back ends, which show an API key of a product.
pub struct V1Keys;

impl Face for V1Keys {
    const NAME: &'static str = "V1Keys";
    const PREFIX: &'static str = PREFIX;
    const READERS: Readers = Readers::Listed;
    const FINDS_BY_PATH: bool = true;
    const LIMITS: bool = true;

    fn refuse(error: &Error) -> Refusal {
        if let Error::Forbidden(Restriction::Permission(permission)) = error {
            let message = format!("API key does not have permission: {permission}");
            return refusal(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message, Vec::new());
        }
        refuse(error, "Invalid or missing API key")
    }

    fn unrouted(why: Unrouted) -> Refusal {
        unrouted(why)
    }

    fn wrap(reply: Vec<u8>) -> Vec<u8> {
        wrap(&reply)
    }

    #[cfg(feature = "openapi")]
    fn describe(reply: &mut Value) {
        describe(reply);
    }
}

/// For the operator, who shows the admin secret.
pub struct V1Operators;

impl Face for V1Operators {
    const NAME: &'static str = "V1Operators";
    const PREFIX: &'static str = PREFIX;
    const READERS: Readers = Readers::Listed;
    const FINDS_BY_PATH: bool = true;
    const LIMITS: bool = true;

    fn refuse(error: &Error) -> Refusal {
        refuse(error, "Invalid or missing admin token")
    }

    fn unrouted(why: Unrouted) -> Refusal {
        unrouted(why)
    }

    fn wrap(reply: Vec<u8>) -> Vec<u8> {
        wrap(&reply)
    }

    #[cfg(feature = "openapi")]
    fn describe(reply: &mut Value) {
        describe(reply);
    }
}

fn unrouted(why: Unrouted) -> Refusal {
    let (status, code, message) = match why {
        Unrouted::Path => (StatusCode::NOT_FOUND, "NOT_FOUND", "Not found"),
        Unrouted::Method => (
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "Method not allowed",
        ),
    };
    refusal(status, code, message.to_owned(), Vec::new())
}

fn wrap(reply: &[u8]) -> Vec<u8> {
    [br#"{"ok":true,"data":"#, reply, b"}"].concat()
}

#[cfg(feature = "openapi")]
fn describe(reply: &mut Value) {
    let mut data = reply.take();
    let description = data.as_object_mut().and_then(|data| data.remove("description"));
    if let Some(data) = data.as_object_mut() {
        data.insert("additionalProperties".to_owned(), json!(false));
    }
    *reply = json!({
        "type": "object",
        "properties": { "ok": { "const": true }, "data": data },
        "required": ["ok", "data"],
    });
    if let Some(description) = description {
        reply["description"] = description;
    }
}

/// `POST /v1/licenses/authorize`, for applications: its replies have no envelope, and say `ok` themselves.
pub struct V1Authorizes;

impl Face for V1Authorizes {
    const NAME: &'static str = "V1Authorizes";
    const PREFIX: &'static str = PREFIX;
    const SIGNS: bool = true;
    const LIMITS: bool = true;
    const SECRETS: &'static [SecretName] = &[SecretName::Signing];

    fn refuse(error: &Error) -> Refusal {
        refuse(error, "Invalid or missing API key")
    }

    fn unrouted(unrouted: Unrouted) -> Refusal {
        V1::unrouted(unrouted)
    }
}

/// A refusal.
#[derive(Serialize)]
struct Refused {
    ok: bool,
    error: Said,
}

/// What a refusal says.
#[derive(Serialize)]
struct Said {
    message: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
}

/// What is wrong with one field.
#[derive(Serialize)]
struct Detail {
    path: String,
    message: String,
}

fn refusal(status: StatusCode, code: &'static str, message: String, details: Vec<Detail>) -> Refusal {
    Refusal::new(status, message, |message| Refused {
        ok: false,
        error: Said { message, code, details },
    })
}

fn refuse(error: &Error, unauthenticated: &str) -> Refusal {
    let (status, usual) = usual(error);
    let (code, message) = match error {
        Error::Invalid(InvalidRequest::Policy { .. }) => ("INVALID_POLICY", usual),
        Error::Invalid(_) => ("VALIDATION_ERROR", usual),
        Error::Unauthenticated(Credential::Password) => ("UNAUTHORIZED", "Invalid email or password".to_owned()),
        Error::Unauthenticated(Credential::Caller | Credential::Token) => ("UNAUTHORIZED", unauthenticated.to_owned()),
        Error::Unauthenticated(Credential::ExpiredToken) => {
            ("EXPIRED_TOKEN", "The session token has expired".to_owned())
        }
        Error::Unauthenticated(Credential::Signature) => ("SIGNATURE_REQUIRED", usual),
        Error::Unauthenticated(Credential::SignatureTime) => ("TIMESTAMP_SKEW", usual),
        Error::Unauthenticated(Credential::SignatureNonce) => ("NONCE_REUSED", usual),
        Error::Forbidden(Restriction::Role) => ("FORBIDDEN", "Your role does not allow this".to_owned()),
        Error::Forbidden(Restriction::Permission(permission)) => {
            ("FORBIDDEN", format!("API key lacks required permission: {permission}"))
        }
        Error::Forbidden(Restriction::ForeignProduct) => {
            ("FORBIDDEN", "API key is not bound to this product".to_owned())
        }
        Error::Forbidden(_) => ("FORBIDDEN", usual),
        Error::NotFound(noun) => ("NOT_FOUND", not_found(*noun).to_owned()),
        Error::Taken(unique) => taken(*unique),
        Error::Denied(_) if status == StatusCode::SERVICE_UNAVAILABLE => ("UNAVAILABLE", usual),
        Error::Denied(Denial::ResetLimitReached) => (
            "LIMIT_REACHED",
            "The license was reset as often as its policy allows".to_owned(),
        ),
        Error::Denied(Denial::ResetCooldown { until }) => (
            "COOLDOWN_ACTIVE",
            format!("The license was reset a short while ago. Try again after {until}."),
        ),
        Error::Denied(Denial::ApiKeyRevoked) => ("CONFLICT", usual),
        Error::Denied(Denial::ProductArchived) => ("FORBIDDEN", "The product is archived".to_owned()),
        Error::Denied(_) => ("FORBIDDEN", usual),
        Error::Full { .. } => ("LIMIT_REACHED", usual),
        Error::Throttled { .. } => ("RATE_LIMITED", usual),
        Error::Conflict(_) => ("CONFLICT", usual),
        Error::Internal(_) => ("INTERNAL_ERROR", usual),
    };
    refusal(status, code, message, details(error))
}

fn not_found(noun: Noun) -> &'static str {
    match noun {
        Noun::License => "License not found",
        Noun::Activation => "Binding not found",
        Noun::Session => "Session not found",
        Noun::Product => "Product not found",
        Noun::Variant => "Variant not found",
        Noun::Code => "Code not found",
        Noun::ApiKey => "API key not found",
        Noun::Organisation => "Organisation not found",
        Noun::Member => "Member not found",
        Noun::Invite => "Invite not found",
        Noun::BlacklistEntry => "Blacklist entry not found",
        Noun::Record => "Not found",
    }
}

fn taken(unique: Unique) -> (&'static str, String) {
    let (code, text) = match unique {
        Unique::LicenseKey => ("DUPLICATE_KEY", "A license with this key already exists"),
        Unique::Slug => ("CONFLICT", "A product with this id already exists"),
        Unique::VariantId => ("CONFLICT", "A variant with this name already exists"),
        Unique::CodeName => ("CONFLICT", "A code with this name already exists"),
        Unique::OrganisationSlug => ("CONFLICT", "An organization with this slug already exists"),
        Unique::Holder => ("ALREADY_CLAIMED", "This license is linked to another account"),
        Unique::Member => ("CONFLICT", "They are a member already"),
    };
    (code, text.to_owned())
}

/// Which fields are wrong, and how.
fn details(error: &Error) -> Vec<Detail> {
    let detail = |path: &str, message: String| Detail {
        path: path.to_owned(),
        message,
    };
    match error {
        Error::Invalid(InvalidRequest::Field { field, expected }) if expected.is_empty() => {
            vec![detail(field, "invalid".to_owned())]
        }
        Error::Invalid(InvalidRequest::Field { field, expected }) => vec![detail(field, format!("must be {expected}"))],
        Error::Invalid(InvalidRequest::Policy { field, expected }) => {
            vec![detail(field, format!("must be {expected}"))]
        }
        Error::Invalid(InvalidRequest::MissingFields(fields)) => {
            let missing = fields.iter().map(|field| detail(field, "required".to_owned()));
            missing.collect()
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
        | Error::Internal(_) => Vec::new(),
    }
}
