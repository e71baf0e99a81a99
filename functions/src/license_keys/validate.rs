//! `POST /api/license-keys/validate`: may this machine run with this key?

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::{ErrorCode, Noun},
    license::{
        License,
        binding::{LockRefusal, LockVerdict},
        key::LicenseKey,
        machine::Fingerprint,
        seats::SeatLimit,
    },
    product::Product,
    store::license::lock::Binding,
};
use serde::{Deserialize, Serialize};

use super::{
    TypedKey,
    face::KeysForApplications,
    view::{ProductView, Status},
};
use crate::frame::{
    callers::LicenseKeyHolder, context::Context, endpoint::Endpoint, lenient::blank_is_absent, reply::Head,
};

/// `POST /api/license-keys/validate`.
pub struct LicenseKeysValidate;

/// Which key, and on which machine.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    key: TypedKey,
    /// Without it, no machine is looked at.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "crate::frame::lenient::MayBeBlank<Fingerprint>")
    )]
    hwid: Option<Fingerprint>,
}

/// What became of it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Reply {
    /// The key is good.
    Valid(Valid),
    /// The key is there, and not good.
    Invalid(Invalid),
}

/// A key that is good.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyValid"))]
#[serde(rename_all = "camelCase")]
pub struct Valid {
    valid: bool,
    status: Status,
    reason: Option<Reason>,
    key: LicenseKey,
    activation_count: u32,
    max_activations: Option<u32>,
    /// The machine that the key is bound to, for who has named it; otherwise null.
    hwid: Option<Fingerprint>,
    hwid_reset_count: u32,
    expires_at: Option<Timestamp>,
    product: ProductView,
}

/// A key that is not good.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyInvalid"))]
pub struct Invalid {
    valid: bool,
    status: Status,
    reason: Reason,
    key: LicenseKey,
}

/// Why a key is not good, in this API's words.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyReason"))]
enum Reason {
    #[serde(rename = "Key has been revoked")]
    Revoked,
    #[serde(rename = "Key has expired")]
    Expired,
    #[serde(rename = "Membership is no longer active")]
    MembershipEnded,
    #[serde(rename = "Hardware ID mismatch")]
    OtherMachine,
    #[serde(rename = "Activation limit reached")]
    LimitReached,
}

impl Endpoint for LicenseKeysValidate {
    const NAME: &'static str = "license-keys-validate";
    const ROUTE: &'static str = "POST /api/license-keys/validate";
    const SUMMARY: &'static str = "Tell whether a machine may run with a key, and bind the key to the first that asks.";
    const REQUIRED: &'static [&'static str] = &["key"];
    const STATUSES: &'static [StatusCode] = &[StatusCode::OK, StatusCode::FORBIDDEN];
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["hwid"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound, ErrorCode::MissingFields];

    type Face = KeysForApplications;
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    fn head(cx: &Context, reply: &Reply) -> Head {
        let other_machine = matches!(reply, Reply::Invalid(invalid) if invalid.reason == Reason::OtherMachine);
        Head {
            status: if other_machine && cx.config.hwid_mismatch_is_forbidden {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::OK
            },
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: LicenseKeyHolder, request: Request, (): ()) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let hwid = request.hwid.as_ref();
        let license = request.key.license(cx).await?;
        let license = license.ok_or(Error::NotFound(Noun::License))?;
        let Binding {
            license,
            catalog,
            verdict,
        } = cx.store.license_bind(license, hwid, &audit).await?;
        Ok(match verdict {
            // As the contract has it for a field that is missing.
            LockVerdict::MachineMissing => return Err(Error::Invalid(InvalidRequest::MissingFields(&["hwid"]))),
            LockVerdict::Refused(refusal) => Reply::Invalid(Invalid::new(license.license_key, refusal)),
            LockVerdict::Good | LockVerdict::Binds(_) => Reply::Valid(Valid::new(license, hwid, &catalog.product)),
        })
    }
}

impl Valid {
    fn new(license: License, asked: Option<&Fingerprint>, product: &Product) -> Self {
        let max_activations = product.keys.max_activations;
        Self {
            valid: true,
            status: Status::Active,
            reason: None,
            expires_at: license.expires_at(),
            key: license.license_key,
            activation_count: license.lock.bindings,
            max_activations: max_activations.and_then(SeatLimit::limit),
            // Whoever has the key and not the machine would be told what to say the next time.
            hwid: license.lock.hwid.filter(|bound| asked == Some(bound)),
            hwid_reset_count: license.lock.binding_resets,
            product: ProductView::from(product),
        }
    }
}

impl Invalid {
    fn new(key: LicenseKey, refusal: LockRefusal) -> Self {
        let (status, reason) = match refusal {
            // The contract has no word of its own for a suspension.
            LockRefusal::Blocked => (Status::Revoked, Reason::Revoked),
            LockRefusal::Expired => (Status::Expired, Reason::Expired),
            LockRefusal::SubscriptionEnded => (Status::Active, Reason::MembershipEnded),
            LockRefusal::OtherMachine => (Status::Active, Reason::OtherMachine),
            LockRefusal::BindingsUsedUp => (Status::Active, Reason::LimitReached),
        };
        Self {
            valid: false,
            status,
            reason,
            key,
        }
    }
}
