//! Why a request was refused: one enum for every API.

use crate::{Timestamp, license::seats::SeatLimit};

/// The result of everything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way in which a request can end other than well.
///
/// A variant is a fact, not a text: each API matches exhaustively on it and answers in its own words and statuses. What
/// an operator needs to know of an unexpected failure is in [`Error::Internal`], which no API shows to a client.
#[derive(Debug)]
pub enum Error {
    /// The request itself is malformed.
    Invalid(InvalidRequest),
    /// The credential is missing or wrong.
    Unauthorized,
    /// No license has this key (or it belongs to another owner).
    LicenseNotFound,
    /// Another license has this key.
    LicenseKeyTaken,
    /// The license was revoked.
    LicenseRevoked,
    /// The license's `expiresAt` has passed.
    LicenseExpired,
    /// The license is suspended, and its grace is over.
    LicenseSuspended,
    /// The license does not open the product that was asked for.
    WrongProduct,
    /// Every machine slot of the license is taken.
    MachineLimitReached {
        /// The license's `maxMachines`.
        limit: SeatLimit,
    },
    /// Every floating seat of the license is taken by a live session.
    SessionLimitReached {
        /// The number of sessions that may be open at once.
        limit: SeatLimit,
    },
    /// More attempts to activate this key than the rate limit admits.
    TooManyActivations {
        /// When the next attempt will be admitted.
        retry_at: Timestamp,
    },
    /// The license was moved as often as it may be for now.
    TooManyMoves {
        /// When the next move will be admitted.
        retry_at: Timestamp,
    },
    /// The token is forged, expired, or speaks of another license or machine.
    InvalidToken,
    /// The token is sound, but its machine has no activation any more.
    MachineNotActivated,
    /// There is no activation of this machine to give back.
    ActivationNotFound,
    /// The machine never activated, so it has no session to keep alive.
    SessionNotFound,
    /// The license is blocked or has expired, so nothing of it can be changed by who bought it.
    LicenseNotActive,
    /// The caller is signed in, but not as someone who may do this.
    Forbidden,
    /// The product does not let buyers have their keys exchanged.
    ShuffleDisabled,
    /// The product does not let buyers take a binding back.
    ResetDisabled,
    /// No account has this address and password.
    WrongPassword,
    /// What was mailed is forged, expired, or was used.
    InvalidMailToken,
    /// More attempts than the limits admit.
    TooManyAttempts {
        /// When the next attempt will be admitted.
        retry_at: Timestamp,
    },
    /// More passwords are being tried at once than there is room for.
    Busy {
        /// When to try again.
        retry_at: Timestamp,
    },
    /// No product has this id (or it belongs to another owner).
    ProductNotFound,
    /// The product is archived, which makes it read-only.
    ProductArchived,
    /// Another product has this slug.
    SlugTaken,
    /// No variant of the product has this id.
    VariantNotFound,
    /// The product has a variant with this id.
    VariantTaken,
    /// No trial or discount code reads like this (or it belongs to another owner).
    CodeNotFound,
    /// There is a code that reads like this, be it in other letter case.
    CodeTaken,
    /// The code was switched off.
    CodeInactive,
    /// The code's `expiresAt` has passed.
    CodeExpired,
    /// The code was redeemed as often as it may be.
    CodeUsedUp,
    /// This customer has redeemed the code already.
    CodeRedeemed,
    /// No API key has this hash.
    ApiKeyNotFound,
    /// An API key named an owner other than its own.
    ForeignOwner,
    /// The request's idempotency key stands for another request.
    IdempotencyKeyReused,
    /// The same request is being carried out, and has no answer yet.
    RequestInProgress,
    /// An unexpected failure. The cause is for the log only.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// What is wrong with a request's body or parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidRequest {
    /// The body is not JSON, not UTF-8, or not a JSON object.
    NotAnObject,
    /// The body is longer than the limit, in bytes.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A required field is absent, null or blank.
    MissingFields(&'static [&'static str]),
    /// An update names nothing that could be updated.
    NothingToUpdate,
    /// A field has a value that it can't have.
    Field {
        /// The field's name, as the client wrote it.
        field: String,
        /// What it should have been ("a string of 1 to 128 characters"); empty when the API's contract wants no more
        /// than the field's name.
        expected: String,
    },
}

impl Error {
    /// Wraps an unexpected failure. The cause reaches the log, never the client.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// A field whose value is refused by a rule that spans more than its own type.
    pub fn field(field: &str, expected: &str) -> Self {
        Self::Invalid(InvalidRequest::Field {
            field: field.to_owned(),
            expected: expected.to_owned(),
        })
    }

    /// The stable name of this refusal: what logs, metrics and machine-readable answers carry.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(InvalidRequest::NotAnObject) => "invalid_json",
            Self::Invalid(InvalidRequest::TooLarge { .. }) => "body_too_large",
            Self::Invalid(InvalidRequest::MissingFields(_)) => "missing_fields",
            Self::Invalid(InvalidRequest::NothingToUpdate) => "nothing_to_update",
            Self::Invalid(InvalidRequest::Field { .. }) => "invalid_field",
            Self::Unauthorized => "unauthorized",
            Self::LicenseNotFound => "not_found",
            Self::LicenseKeyTaken => "license_key_taken",
            Self::LicenseRevoked => "revoked",
            Self::LicenseExpired => "expired",
            Self::LicenseSuspended => "suspended",
            Self::WrongProduct => "wrong_product",
            Self::MachineLimitReached { .. } => "machine_limit_reached",
            Self::SessionLimitReached { .. } => "session_limit_reached",
            Self::TooManyActivations { .. } => "too_many_activations",
            Self::TooManyMoves { .. } => "too_many_moves",
            Self::InvalidToken => "invalid_token",
            Self::MachineNotActivated => "machine_not_activated",
            Self::ActivationNotFound => "activation_not_found",
            Self::SessionNotFound => "session_not_found",
            Self::LicenseNotActive => "license_not_active",
            Self::Forbidden => "forbidden",
            Self::ShuffleDisabled => "shuffle_disabled",
            Self::ResetDisabled => "reset_disabled",
            Self::WrongPassword => "wrong_password",
            Self::InvalidMailToken => "invalid_mail_token",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Busy { .. } => "busy",
            Self::ProductNotFound => "product_not_found",
            Self::ProductArchived => "product_archived",
            Self::SlugTaken => "slug_taken",
            Self::VariantNotFound => "variant_not_found",
            Self::VariantTaken => "variant_taken",
            Self::CodeNotFound => "code_not_found",
            Self::CodeTaken => "code_taken",
            Self::CodeInactive => "code_inactive",
            Self::CodeExpired => "code_expired",
            Self::CodeUsedUp => "code_used_up",
            Self::CodeRedeemed => "code_redeemed",
            Self::ApiKeyNotFound => "api_key_not_found",
            Self::ForeignOwner => "foreign_owner",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::RequestInProgress => "request_in_progress",
            Self::Internal(_) => "internal",
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Internal(cause) = self {
            Some(cause.as_ref())
        } else {
            None
        }
    }
}
