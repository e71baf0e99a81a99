//! Why a request was refused: ten kinds for every API, and a stable code for each refusal.
//!
//! Nothing here knows HTTP. An API matches on the kinds, exhaustively, and answers in its own words and statuses.

use crate::{Timestamp, license::seats::SeatLimit, owner::permission::Permission};

/// The result of everything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way in which a request can end other than well, by kind.
///
/// A refusal is a fact, not a text. What an operator needs to know of an unexpected failure is in [`Error::Internal`],
/// which no API shows to a client.
#[derive(Debug)]
pub enum Error {
    /// The request itself is malformed.
    Invalid(InvalidRequest),
    /// A credential is missing or wrong.
    Unauthenticated(Credential),
    /// The caller is known, and may not do this.
    Forbidden(Restriction),
    /// There is no such record, or it belongs to another owner.
    NotFound(Noun),
    /// Another record has what must be unique.
    Taken(Unique),
    /// The record is there, and its state or its vendor's settings do not allow this.
    Denied(Denial),
    /// A limit on what may exist at once is reached.
    Full {
        /// What there is no room for.
        of: Resource,
        /// How many there may be.
        limit: SeatLimit,
    },
    /// A limit on how often something may be asked is reached.
    Throttled {
        /// Which limit.
        by: Throttle,
        /// When the next attempt will be admitted.
        retry_at: Timestamp,
    },
    /// The request contradicts another one.
    Conflict(Conflict),
    /// An unexpected failure. The cause is for the log only.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// What is wrong with a request's body or parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidRequest {
    /// The body is not JSON, not UTF-8, or not a JSON object.
    NotAnObject,
    /// The body is compressed.
    Encoded,
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
    /// A policy of licenses has an unknown form, or contradicts itself.
    Policy {
        /// Where: the path within the request (`defaultLicensePolicy.limits.hwid.maxDistinct`).
        field: String,
        /// What should have been there.
        expected: &'static str,
    },
    /// The token that was mailed is forged, expired, or was used.
    MailToken,
    /// A browser's request is not said to be JSON, which no page of another site can send without asking first.
    ContentType,
}

/// Which credential is missing or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The one that the endpoint asks of its caller.
    Caller,
    /// A machine's token, which is forged, expired, or speaks of another license or machine.
    Token,
    /// The address and password: no account has both.
    Password,
    /// The caller's token, which was good and has expired: it is time to ask for another.
    ExpiredToken,
    /// The signature of the request: there is none, and one is asked for.
    Signature,
    /// The time of a signature that is right: the client's clock is wrong, or the request is old.
    SignatureTime,
    /// The nonce of a signature that is right: it was used before.
    SignatureNonce,
}

/// Why a known caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restriction {
    /// The caller is signed in, but not as someone who may do this.
    Role,
    /// An API key named an owner other than its own.
    ForeignOwner,
    /// A browser sent the request from a page that may not use accounts.
    ForeignOrigin,
    /// The invite is for somebody with another address.
    ForeignInvite,
    /// The product's API key does not have this permission.
    Permission(Permission),
    /// The API key is of another product.
    ForeignProduct,
    /// Accounts are made by invitation here.
    InvitationOnly,
}

/// A record that is not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// No license has this key.
    License,
    /// There is no activation of this machine to give back.
    Activation,
    /// The machine never activated, so it has no session to keep alive.
    Session,
    /// No product has this id.
    Product,
    /// No variant of the product has this id.
    Variant,
    /// No trial or discount code reads like this.
    Code,
    /// No API key has this hash.
    ApiKey,
    /// No organisation has this id, or the caller is no member of it.
    Organisation,
    /// No member of the team has this id.
    Member,
    /// No invite to the team has this id, or this token.
    Invite,
    /// No record has the id in the path.
    Record,
    /// The product's blacklist has no such entry.
    BlacklistEntry,
}

/// What must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// A license's key.
    LicenseKey,
    /// A product's slug.
    Slug,
    /// A variant's id, within its product.
    VariantId,
    /// A code, in any letter case.
    CodeName,
    /// An organisation's slug.
    OrganisationSlug,
    /// A member of a team: they are one already.
    Member,
    /// The account that a license is linked to.
    Holder,
}

/// Why a record does not allow what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The license was revoked.
    Revoked,
    /// The license's `expiresAt` has passed.
    Expired,
    /// The license is suspended, and its grace is over.
    Suspended,
    /// The license does not open the product that was asked for.
    WrongProduct,
    /// The machine whose place is asked for, which was named as it is shown, may still run.
    MayStillRun {
        /// Until when, unless it shows itself again.
        until: Timestamp,
    },
    /// The license is blocked or has expired, so its buyer can change nothing of it.
    NotActive,
    /// The token is sound, but its machine has no activation any more.
    MachineNotActivated,
    /// The product does not let buyers have their keys exchanged.
    ShuffleDisabled,
    /// The product does not let buyers take a binding back.
    ResetDisabled,
    /// The license was reset as often as its policy lets it be.
    ResetLimitReached,
    /// The license was reset a short while ago.
    ResetCooldown {
        /// When it may be reset again.
        until: Timestamp,
    },
    /// The product is archived, which makes it read-only.
    ProductArchived,
    /// The code was switched off.
    CodeInactive,
    /// The code's `expiresAt` has passed.
    CodeExpired,
    /// The code was redeemed as often as it may be.
    CodeUsedUp,
    /// This customer has redeemed the code already.
    CodeRedeemed,
    /// The operator has not said whom mail is from, without which there are no accounts.
    MailNotSetUp,
    /// The API key was revoked, for good.
    ApiKeyRevoked,
}

/// What a limit leaves no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Every machine slot of the license is taken.
    Machine,
    /// Every floating seat of the license is taken by a live session.
    Session,
}

/// Which limit on frequency was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// Attempts to activate one key.
    Activations,
    /// Moves of one license.
    Moves,
    /// Attempts of one address or account.
    Attempts,
    /// Passwords that are being hashed at once.
    Busy,
    /// Requests of any kind from one address.
    Requests,
}

/// How a request contradicts another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The request's idempotency key stands for another request.
    IdempotencyKeyReused,
    /// The same request is being carried out, and has no answer yet.
    RequestInProgress,
    /// The team would have no member with the role OWNER.
    LastOwner,
    /// The organisation has licenses that are not revoked, and the request does not confirm that they are to go.
    NotConfirmed,
}

/// Declares [`ErrorCode`] as a table: a refusal's name, its stable text, and an example.
macro_rules! codes {
    ($($name:ident $text:literal = $example:expr;)*) => {
        /// The stable name of a refusal: what logs, metrics and machine-readable answers carry, and what an endpoint
        /// declares.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is documented where its kind declares it")]
        pub enum ErrorCode {
            $($name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The text that stands for it, which never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// A refusal with this code, for documents and tests.
            pub fn example(self) -> Error {
                match self {
                    $(Self::$name => $example,)*
                }
            }
        }
    };
}

codes! {
    InvalidJson "invalid_json" = Error::Invalid(InvalidRequest::NotAnObject);
    BodyEncoded "body_encoded" = Error::Invalid(InvalidRequest::Encoded);
    BodyTooLarge "body_too_large" = Error::Invalid(InvalidRequest::TooLarge { limit: 256 * 1024 });
    MissingFields "missing_fields" = Error::Invalid(InvalidRequest::MissingFields(&["email"]));
    NothingToUpdate "nothing_to_update" = Error::Invalid(InvalidRequest::NothingToUpdate);
    InvalidField "invalid_field" = Error::field("email", "an email address");
    InvalidPolicy "invalid_policy" = Error::Invalid(InvalidRequest::Policy {
        field: "defaultLicensePolicy.limits".to_owned(),
        expected: "an object",
    });
    InvalidMailToken "invalid_mail_token" = Error::Invalid(InvalidRequest::MailToken);
    UnsupportedContentType "unsupported_content_type" = Error::Invalid(InvalidRequest::ContentType);
    Unauthorized "unauthorized" = Error::Unauthenticated(Credential::Caller);
    InvalidToken "invalid_token" = Error::Unauthenticated(Credential::Token);
    WrongPassword "wrong_password" = Error::Unauthenticated(Credential::Password);
    ExpiredToken "expired_token" = Error::Unauthenticated(Credential::ExpiredToken);
    SignatureRequired "signature_required" = Error::Unauthenticated(Credential::Signature);
    TimestampSkew "timestamp_skew" = Error::Unauthenticated(Credential::SignatureTime);
    NonceReused "nonce_reused" = Error::Unauthenticated(Credential::SignatureNonce);
    Forbidden "forbidden" = Error::Forbidden(Restriction::Role);
    ForeignOwner "foreign_owner" = Error::Forbidden(Restriction::ForeignOwner);
    ForeignOrigin "foreign_origin" = Error::Forbidden(Restriction::ForeignOrigin);
    ForeignInvite "foreign_invite" = Error::Forbidden(Restriction::ForeignInvite);
    PermissionDenied "permission_denied" = Error::Forbidden(Restriction::Permission(Permission::LicenseAuthorize));
    ForeignProduct "foreign_product" = Error::Forbidden(Restriction::ForeignProduct);
    InvitationOnly "invitation_only" = Error::Forbidden(Restriction::InvitationOnly);
    LicenseNotFound "not_found" = Error::NotFound(Noun::License);
    ActivationNotFound "activation_not_found" = Error::NotFound(Noun::Activation);
    SessionNotFound "session_not_found" = Error::NotFound(Noun::Session);
    ProductNotFound "product_not_found" = Error::NotFound(Noun::Product);
    VariantNotFound "variant_not_found" = Error::NotFound(Noun::Variant);
    CodeNotFound "code_not_found" = Error::NotFound(Noun::Code);
    ApiKeyNotFound "api_key_not_found" = Error::NotFound(Noun::ApiKey);
    OrganisationNotFound "organisation_not_found" = Error::NotFound(Noun::Organisation);
    MemberNotFound "member_not_found" = Error::NotFound(Noun::Member);
    InviteNotFound "invite_not_found" = Error::NotFound(Noun::Invite);
    RecordNotFound "record_not_found" = Error::NotFound(Noun::Record);
    BlacklistEntryNotFound "blacklist_entry_not_found" = Error::NotFound(Noun::BlacklistEntry);
    LicenseKeyTaken "license_key_taken" = Error::Taken(Unique::LicenseKey);
    SlugTaken "slug_taken" = Error::Taken(Unique::Slug);
    VariantTaken "variant_taken" = Error::Taken(Unique::VariantId);
    CodeTaken "code_taken" = Error::Taken(Unique::CodeName);
    OrganisationSlugTaken "organisation_slug_taken" = Error::Taken(Unique::OrganisationSlug);
    AlreadyMember "already_member" = Error::Taken(Unique::Member);
    AlreadyClaimed "already_claimed" = Error::Taken(Unique::Holder);
    LicenseRevoked "revoked" = Error::Denied(Denial::Revoked);
    LicenseExpired "expired" = Error::Denied(Denial::Expired);
    LicenseSuspended "suspended" = Error::Denied(Denial::Suspended);
    WrongProduct "wrong_product" = Error::Denied(Denial::WrongProduct);
    MachineMayRun "machine_may_run" = Error::Denied(Denial::MayStillRun { until: Timestamp::from_millis(0) });
    LicenseNotActive "license_not_active" = Error::Denied(Denial::NotActive);
    MachineNotActivated "machine_not_activated" = Error::Denied(Denial::MachineNotActivated);
    ShuffleDisabled "shuffle_disabled" = Error::Denied(Denial::ShuffleDisabled);
    ResetDisabled "reset_disabled" = Error::Denied(Denial::ResetDisabled);
    ResetLimitReached "reset_limit_reached" = Error::Denied(Denial::ResetLimitReached);
    ResetCooldown "reset_cooldown" = Error::Denied(Denial::ResetCooldown { until: Timestamp::from_millis(0) });
    ProductArchived "product_archived" = Error::Denied(Denial::ProductArchived);
    CodeInactive "code_inactive" = Error::Denied(Denial::CodeInactive);
    CodeExpired "code_expired" = Error::Denied(Denial::CodeExpired);
    CodeUsedUp "code_used_up" = Error::Denied(Denial::CodeUsedUp);
    CodeRedeemed "code_redeemed" = Error::Denied(Denial::CodeRedeemed);
    MailNotSetUp "mail_not_set_up" = Error::Denied(Denial::MailNotSetUp);
    ApiKeyRevoked "api_key_revoked" = Error::Denied(Denial::ApiKeyRevoked);
    MachineLimitReached "machine_limit_reached" = full_example(Resource::Machine);
    SessionLimitReached "session_limit_reached" = full_example(Resource::Session);
    TooManyActivations "too_many_activations" = throttled_example(Throttle::Activations);
    TooManyMoves "too_many_moves" = throttled_example(Throttle::Moves);
    TooManyAttempts "too_many_attempts" = throttled_example(Throttle::Attempts);
    Busy "busy" = throttled_example(Throttle::Busy);
    TooManyRequests "too_many_requests" = throttled_example(Throttle::Requests);
    IdempotencyKeyReused "idempotency_key_reused" = Error::Conflict(Conflict::IdempotencyKeyReused);
    RequestInProgress "request_in_progress" = Error::Conflict(Conflict::RequestInProgress);
    LastOwner "last_owner" = Error::Conflict(Conflict::LastOwner);
    NotConfirmed "not_confirmed" = Error::Conflict(Conflict::NotConfirmed);
    Internal "internal" = Error::internal("unexpected");
}

fn full_example(of: Resource) -> Error {
    Error::Full {
        of,
        limit: SeatLimit::Limited(3),
    }
}

fn throttled_example(by: Throttle) -> Error {
    Error::Throttled {
        by,
        retry_at: Timestamp::from_millis(0),
    }
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

    /// When to try again, of a refusal that says so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        if let Self::Throttled { retry_at, .. } = self {
            Some(*retry_at)
        } else {
            None
        }
    }

    /// The stable name of this refusal.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(invalid) => match invalid {
                InvalidRequest::NotAnObject => ErrorCode::InvalidJson,
                InvalidRequest::Encoded => ErrorCode::BodyEncoded,
                InvalidRequest::TooLarge { .. } => ErrorCode::BodyTooLarge,
                InvalidRequest::MissingFields(_) => ErrorCode::MissingFields,
                InvalidRequest::NothingToUpdate => ErrorCode::NothingToUpdate,
                InvalidRequest::Field { .. } => ErrorCode::InvalidField,
                InvalidRequest::Policy { .. } => ErrorCode::InvalidPolicy,
                InvalidRequest::MailToken => ErrorCode::InvalidMailToken,
                InvalidRequest::ContentType => ErrorCode::UnsupportedContentType,
            },
            Self::Unauthenticated(credential) => match credential {
                Credential::Caller => ErrorCode::Unauthorized,
                Credential::Token => ErrorCode::InvalidToken,
                Credential::Password => ErrorCode::WrongPassword,
                Credential::ExpiredToken => ErrorCode::ExpiredToken,
                Credential::Signature => ErrorCode::SignatureRequired,
                Credential::SignatureTime => ErrorCode::TimestampSkew,
                Credential::SignatureNonce => ErrorCode::NonceReused,
            },
            Self::Forbidden(restriction) => match restriction {
                Restriction::Role => ErrorCode::Forbidden,
                Restriction::ForeignOwner => ErrorCode::ForeignOwner,
                Restriction::ForeignOrigin => ErrorCode::ForeignOrigin,
                Restriction::ForeignInvite => ErrorCode::ForeignInvite,
                Restriction::Permission(_) => ErrorCode::PermissionDenied,
                Restriction::ForeignProduct => ErrorCode::ForeignProduct,
                Restriction::InvitationOnly => ErrorCode::InvitationOnly,
            },
            Self::NotFound(noun) => match noun {
                Noun::License => ErrorCode::LicenseNotFound,
                Noun::Activation => ErrorCode::ActivationNotFound,
                Noun::Session => ErrorCode::SessionNotFound,
                Noun::Product => ErrorCode::ProductNotFound,
                Noun::Variant => ErrorCode::VariantNotFound,
                Noun::Code => ErrorCode::CodeNotFound,
                Noun::ApiKey => ErrorCode::ApiKeyNotFound,
                Noun::Organisation => ErrorCode::OrganisationNotFound,
                Noun::Member => ErrorCode::MemberNotFound,
                Noun::Invite => ErrorCode::InviteNotFound,
                Noun::Record => ErrorCode::RecordNotFound,
                Noun::BlacklistEntry => ErrorCode::BlacklistEntryNotFound,
            },
            Self::Taken(unique) => match unique {
                Unique::LicenseKey => ErrorCode::LicenseKeyTaken,
                Unique::Slug => ErrorCode::SlugTaken,
                Unique::VariantId => ErrorCode::VariantTaken,
                Unique::CodeName => ErrorCode::CodeTaken,
                Unique::OrganisationSlug => ErrorCode::OrganisationSlugTaken,
                Unique::Member => ErrorCode::AlreadyMember,
                Unique::Holder => ErrorCode::AlreadyClaimed,
            },
            Self::Denied(denial) => match denial {
                Denial::Revoked => ErrorCode::LicenseRevoked,
                Denial::Expired => ErrorCode::LicenseExpired,
                Denial::Suspended => ErrorCode::LicenseSuspended,
                Denial::WrongProduct => ErrorCode::WrongProduct,
                Denial::MayStillRun { .. } => ErrorCode::MachineMayRun,
                Denial::NotActive => ErrorCode::LicenseNotActive,
                Denial::MachineNotActivated => ErrorCode::MachineNotActivated,
                Denial::ShuffleDisabled => ErrorCode::ShuffleDisabled,
                Denial::ResetDisabled => ErrorCode::ResetDisabled,
                Denial::ResetLimitReached => ErrorCode::ResetLimitReached,
                Denial::ResetCooldown { .. } => ErrorCode::ResetCooldown,
                Denial::ProductArchived => ErrorCode::ProductArchived,
                Denial::CodeInactive => ErrorCode::CodeInactive,
                Denial::CodeExpired => ErrorCode::CodeExpired,
                Denial::CodeUsedUp => ErrorCode::CodeUsedUp,
                Denial::CodeRedeemed => ErrorCode::CodeRedeemed,
                Denial::MailNotSetUp => ErrorCode::MailNotSetUp,
                Denial::ApiKeyRevoked => ErrorCode::ApiKeyRevoked,
            },
            Self::Full { of, .. } => match of {
                Resource::Machine => ErrorCode::MachineLimitReached,
                Resource::Session => ErrorCode::SessionLimitReached,
            },
            Self::Throttled { by, .. } => match by {
                Throttle::Activations => ErrorCode::TooManyActivations,
                Throttle::Moves => ErrorCode::TooManyMoves,
                Throttle::Attempts => ErrorCode::TooManyAttempts,
                Throttle::Busy => ErrorCode::Busy,
                Throttle::Requests => ErrorCode::TooManyRequests,
            },
            Self::Conflict(conflict) => match conflict {
                Conflict::IdempotencyKeyReused => ErrorCode::IdempotencyKeyReused,
                Conflict::RequestInProgress => ErrorCode::RequestInProgress,
                Conflict::LastOwner => ErrorCode::LastOwner,
                Conflict::NotConfirmed => ErrorCode::NotConfirmed,
            },
            Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code().as_str())
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
