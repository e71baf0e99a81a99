//! Faces: in which words and shapes an API replies and refuses.

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest,
    error::{Conflict, Credential, Denial, Restriction, Throttle},
    signing::secrets::SecretName,
};
use serde::Serialize;
#[cfg(feature = "openapi")]
use serde_json::{Value, json};

/// How an endpoint's API speaks: what it puts around a good reply, and in which words it refuses.
pub trait Face: 'static {
    /// Its name, for tests.
    const NAME: &'static str;
    /// The path under which its API is. What the router refuses there, it refuses in this face's words.
    const PREFIX: &'static str = "/";
    /// Whether its answers are signed for a client that sends a nonce.
    const SIGNS: bool = false;
    /// The secrets that its endpoints need: what they sign, or verify of what was signed.
    const SECRETS: &'static [SecretName] = &[];
    /// Whether its replies set a browser's cookie. [`crate::frame::browser::guard`] looks at such requests.
    const SETS_COOKIES: bool = false;
    /// Whether the requests of each address are limited, whatever they ask ([`crate::frame::limits`]).
    const LIMITS: bool = false;
    /// Which pages may read its answers in a browser.
    const READERS: Readers = Readers::Everyone;
    /// Whether what can be no id, where a path has one, is answered as an id of nothing.
    const FINDS_BY_PATH: bool = false;
    /// The flag, always true, that opens each good reply.
    const FLAG: Option<&'static str> = None;

    /// Says `error` in this face's words.
    fn refuse(error: &Error) -> Refusal;

    /// Says that no endpoint answers.
    fn unrouted(unrouted: Unrouted) -> Refusal {
        unrouted.refusal()
    }

    /// Puts what this face says in every good reply around `reply`, which is a JSON object.
    fn wrap(reply: Vec<u8>) -> Vec<u8> {
        match (Self::FLAG, reply.strip_prefix(b"{")) {
            (Some(flag), Some(fields)) => {
                let comma = if fields == b"}" { "" } else { "," };
                [format!(r#"{{"{flag}":true{comma}"#).as_bytes(), fields].concat()
            }
            (None, _) | (Some(_), None) => reply,
        }
    }

    /// The schema of a good reply in this face, made of that of what the endpoint replies.
    #[cfg(feature = "openapi")]
    fn describe(reply: &mut Value) {
        if let Some(flag) = Self::FLAG {
            reply["properties"][flag] = json!({ "const": true });
            let own = reply["required"].as_array().cloned().unwrap_or_default();
            reply["required"] = [json!(flag)].into_iter().chain(own).collect();
        }
    }
}

/// Which pages may read an answer in a browser, and send what takes the browser's leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Those of any origin, without the browser's cookies.
    Everyone,
    /// Those of the service's own origin, and of the origins that the operator lists.
    Listed,
}

/// Why the router finds no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrouted {
    /// There is none with this path.
    Path,
    /// There is one with this path, and none with this method.
    Method,
}

impl Unrouted {
    pub(crate) fn refusal(self) -> Refusal {
        let (status, message) = match self {
            Self::Path => (StatusCode::NOT_FOUND, "Not found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        };
        Refusal::new(status, message, |error| Flagged { error, success: false })
    }
}

/// A refusal in a face's words.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The sentence for people that the body holds.
    pub message: String,
    /// The reply's body, in JSON.
    pub body: Vec<u8>,
}

impl Refusal {
    /// With the body that holds `message`.
    pub fn new<B: Serialize>(status: StatusCode, message: impl Into<String>, body: impl FnOnce(String) -> B) -> Self {
        let message = message.into();
        Self {
            status,
            body: serde_json::to_vec(&body(message.clone())).unwrap_or_default(),
            message,
        }
    }
}

/// A refusal's body, with the flag that the flat API's clients look at.
#[derive(Serialize)]
pub(crate) struct Flagged {
    pub(crate) error: String,
    pub(crate) success: bool,
}

/// The usual status of a refusal, and words for it that tell its kind. A face takes them where its contract has no others.
pub(crate) fn usual(error: &Error) -> (StatusCode, String) {
    let (status, text) = match error {
        Error::Invalid(invalid) => return usual_of_invalid(invalid),
        Error::Unauthenticated(credential) => (
            StatusCode::UNAUTHORIZED,
            match credential {
                Credential::Caller => "Unauthorized",
                Credential::ExpiredToken => "The access token has expired",
                Credential::Signature => "The request must be signed",
                Credential::SignatureTime => "The time of the signature is too far off",
                Credential::SignatureNonce => "The nonce of the signature was used before",
                Credential::Token => "Invalid or expired token",
                Credential::Password => "Wrong email or password",
            },
        ),
        Error::Forbidden(Restriction::Role | Restriction::ForeignOwner) => (StatusCode::FORBIDDEN, "Forbidden"),
        Error::Forbidden(Restriction::Permission(permission)) => {
            let text = format!("API key lacks required permission: {permission}");
            return (StatusCode::FORBIDDEN, text);
        }
        Error::Forbidden(Restriction::ForeignProduct) => {
            (StatusCode::FORBIDDEN, "API key is not bound to this product")
        }
        Error::Forbidden(Restriction::ForeignOrigin) => (StatusCode::FORBIDDEN, "Forbidden: the Origin is not allowed"),
        Error::Forbidden(Restriction::ForeignInvite) => (StatusCode::FORBIDDEN, "The invite is for another address"),
        Error::Forbidden(Restriction::InvitationOnly) => (StatusCode::FORBIDDEN, "Registration is by invitation"),
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "Not found"),
        Error::Taken(_) => (StatusCode::CONFLICT, "Already exists"),
        Error::Denied(Denial::MailNotSetUp) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Accounts are not set up here: the operator has to say whom mail is from",
        ),
        Error::Denied(Denial::ApiKeyRevoked) => (StatusCode::CONFLICT, "API key has been revoked"),
        Error::Denied(_) => (StatusCode::FORBIDDEN, "Not allowed"),
        Error::Full { .. } => (StatusCode::FORBIDDEN, "Limit reached"),
        Error::Throttled { by, .. } => match by {
            Throttle::Busy => (StatusCode::SERVICE_UNAVAILABLE, "The service is busy. Try again later."),
            Throttle::Requests => (StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded"),
            Throttle::Activations | Throttle::Moves | Throttle::Attempts => {
                (StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Try again later.")
            }
        },
        Error::Conflict(conflict) => (
            StatusCode::CONFLICT,
            match conflict {
                Conflict::IdempotencyKeyReused => "The Idempotency-Key was used for another request",
                Conflict::RequestInProgress => "A request with this Idempotency-Key is in progress. Try again later.",
                Conflict::LastOwner => "The team needs an owner: make somebody else one first",
                Conflict::NotConfirmed => {
                    "There are licenses that are not revoked: confirm with the organisation's slug"
                }
            },
        ),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
    };
    (status, text.to_owned())
}

fn usual_of_invalid(invalid: &InvalidRequest) -> (StatusCode, String) {
    let text = match invalid {
        InvalidRequest::TooLarge { limit } => {
            let text = format!("Request body is larger than {} KiB", limit / 1024);
            return (StatusCode::PAYLOAD_TOO_LARGE, text);
        }
        InvalidRequest::Encoded => {
            let text = "Content-Encoding is not supported: send the body as it is";
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text.to_owned());
        }
        InvalidRequest::ContentType => {
            let text = "Content-Type must be application/json";
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text.to_owned());
        }
        InvalidRequest::NotAnObject => "Invalid JSON body".to_owned(),
        InvalidRequest::MissingFields(fields) => format!("Missing required fields: {}", fields.join(", ")),
        InvalidRequest::NothingToUpdate => "No fields to update".to_owned(),
        InvalidRequest::MailToken => "Invalid or expired token".to_owned(),
        InvalidRequest::Field { field, expected } if expected.is_empty() => format!("Invalid {field}"),
        InvalidRequest::Field { field, expected } => format!("Invalid {field}: must be {expected}"),
        InvalidRequest::Policy { field, expected } => format!("Invalid {field}: must be {expected}"),
    };
    (StatusCode::BAD_REQUEST, text)
}

/// A [`Face`] as the router, the document and the tests see it.
#[derive(Clone, Copy)]
pub struct AnyFace {
    /// [`Face::NAME`].
    pub name: &'static str,
    /// [`Face::SIGNS`].
    pub signs: bool,
    /// [`Face::SETS_COOKIES`].
    pub sets_cookies: bool,
    /// [`Face::LIMITS`].
    pub limits: bool,
    /// [`Face::READERS`].
    pub readers: Readers,
    /// [`Face::FINDS_BY_PATH`].
    pub finds_by_path: bool,
    /// [`Face::PREFIX`].
    pub prefix: &'static str,
    /// [`Face::FLAG`].
    pub flag: Option<&'static str>,
    /// [`Face::refuse`].
    pub refuse: fn(&Error) -> Refusal,
    /// [`Face::unrouted`].
    pub unrouted: fn(Unrouted) -> Refusal,
}

impl AnyFace {
    pub(crate) const fn of<F: Face>() -> Self {
        Self {
            name: F::NAME,
            signs: F::SIGNS,
            sets_cookies: F::SETS_COOKIES,
            limits: F::LIMITS,
            readers: F::READERS,
            finds_by_path: F::FINDS_BY_PATH,
            prefix: F::PREFIX,
            flag: F::FLAG,
            refuse: F::refuse,
            unrouted: F::unrouted,
        }
    }
}
