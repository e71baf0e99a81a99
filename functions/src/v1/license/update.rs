//! `PATCH /v1/dashboard/licenses/{id}`, and the same to an API key: change a license.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    audit::Origin,
    error::ErrorCode,
    event::EventType,
    license::{License, expiry::DaysOfUse, key::LicenseId},
    owner::{member::Role, permission::Permission},
    product::ProductId,
    value::patch::Patch,
};
use serde::Deserialize;

use super::view::{ExpirationMode, ManagedLicense, NOT_FOUND, OneLicense, State, expiry, names_own_license};
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
        policy::GivenPolicy,
    },
};

/// `PATCH /v1/dashboard/licenses/{id}`.
pub struct V1UpdateLicense;

/// What is to be changed. What is absent stays.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "UpdateOrganisationLicenseRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    id: LicenseId,
    status: Option<State>,
    frozen: Option<bool>,
    expiration_mode: Option<ExpirationMode>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    expires_at: Patch<Timestamp>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<DaysOfUse>"))]
    expires_after_days: Patch<DaysOfUse>,
    /// A policy of its own; null takes it away.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<GivenPolicy>"))]
    policy_override: Patch<GivenPolicy>,
}

impl Names<LicenseId> for Request {
    fn named(&self) -> &LicenseId {
        &self.id
    }
}

/// What is to be changed of a license of a product's. What is absent stays.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "UpdateOwnLicenseRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct OwnRequest {
    product_id: ProductId,
    id: LicenseId,
    status: Option<State>,
    frozen: Option<bool>,
    expiration_mode: Option<ExpirationMode>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    expires_at: Patch<Timestamp>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<DaysOfUse>"))]
    expires_after_days: Patch<DaysOfUse>,
    /// A policy of its own; null takes it away.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<GivenPolicy>"))]
    policy_override: Patch<GivenPolicy>,
}

names_own_license!(OwnRequest);

/// The changes that a team or a back end wants.
struct Changes {
    status: Option<State>,
    frozen: Option<bool>,
    expiration_mode: Option<ExpirationMode>,
    expires_at: Patch<Timestamp>,
    expires_after_days: Patch<DaysOfUse>,
    policy_override: Patch<GivenPolicy>,
}

impl From<Request> for Changes {
    fn from(request: Request) -> Self {
        Self {
            status: request.status,
            frozen: request.frozen,
            expiration_mode: request.expiration_mode,
            expires_at: request.expires_at,
            expires_after_days: request.expires_after_days,
            policy_override: request.policy_override,
        }
    }
}

impl From<OwnRequest> for Changes {
    fn from(request: OwnRequest) -> Self {
        Self {
            status: request.status,
            frozen: request.frozen,
            expiration_mode: request.expiration_mode,
            expires_at: request.expires_at,
            expires_after_days: request.expires_after_days,
            policy_override: request.policy_override,
        }
    }
}

impl Changes {
    fn names_end(&self) -> bool {
        let keeps = matches!(self.expires_at, Patch::Keep) && matches!(self.expires_after_days, Patch::Keep);
        self.expiration_mode.is_some() || !keeps
    }

    /// What the change is told as: what it comes to for who runs the license, if that changes.
    fn event_type(&self) -> EventType {
        match (self.status, self.frozen) {
            (Some(State::Frozen), _) | (None, Some(true)) => EventType::Frozen,
            (Some(State::Revoked), _) => EventType::Revoked,
            (Some(State::Active), _) => EventType::Reinstated,
            (None, Some(false)) => EventType::Unfrozen,
            (Some(State::Expired) | None, _) => EventType::Updated,
        }
    }

    /// The license with another standing.
    fn standing(&self, license: License, now: Timestamp) -> Result<License> {
        let wanted = match (self.status, self.frozen) {
            (None, None) => return Ok(license),
            (Some(State::Expired), _) => return Err(Error::field("status", "ACTIVE, FROZEN or REVOKED")),
            (Some(status), _) => status,
            (None, Some(true)) => State::Frozen,
            (None, Some(false)) => State::Active,
        };
        let changed = match wanted {
            State::Active => license.unfreeze(now).or_else(|| self.status.and(license.unrevoke(now))),
            State::Frozen => license.freeze(now),
            State::Revoked => license.revoke(None, now),
            State::Expired => None,
        };
        Ok(changed.unwrap_or(license))
    }

    /// The license with another end.
    fn end(&self, license: License) -> Result<License> {
        if !self.names_end() {
            return Ok(license);
        }
        let (mut at, mut days) = license.expiry.parts();
        self.expires_at.apply(&mut at);
        self.expires_after_days.apply(&mut days);
        // A mode that leaves out what was there takes it away.
        match self.expiration_mode {
            Some(ExpirationMode::Never) => {
                at = at.filter(|_| matches!(self.expires_at, Patch::Set(_)));
                days = days.filter(|_| matches!(self.expires_after_days, Patch::Set(_)));
            }
            Some(ExpirationMode::Fixed) => days = days.filter(|_| matches!(self.expires_after_days, Patch::Set(_))),
            Some(ExpirationMode::AfterActivation) => at = at.filter(|_| matches!(self.expires_at, Patch::Set(_))),
            Some(ExpirationMode::Both) | None => {}
        }
        Ok(License {
            expiry: expiry(self.expiration_mode, at, days)?,
            ..license
        })
    }
}

async fn update(cx: &Context, origin: &Origin, changes: Changes, of: ManagedLicense) -> Result<OneLicense> {
    let keeps_policy = matches!(changes.policy_override, Patch::Keep);
    if changes.status.is_none() && changes.frozen.is_none() && !changes.names_end() && keeps_policy {
        return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
    }
    let policy = match &changes.policy_override {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(given) => Some(Some(given.parse("policyOverride")?)),
    };
    let audit = cx.audit(origin);
    let now = audit.now;
    let license = cx
        .store
        .license_change(of.license.clone(), changes.event_type(), &audit, |license| {
            let mut changed = changes.end(changes.standing(license.clone(), now)?)?;
            if let Some(policy) = policy {
                changed = changed.with_policy(policy, &of.product);
            }
            Ok((changed != *license).then_some(changed))
        })
        .await?;
    Ok(OneLicense::new(&of, &license, now))
}

impl Endpoint for V1UpdateLicense {
    const NAME: &'static str = "v1-update-license";
    const ROUTE: &'static str = "PATCH /v1/dashboard/licenses/{id}";
    const SUMMARY: &'static str = "Change a license.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        NOT_FOUND,
        ErrorCode::Forbidden,
        ErrorCode::NothingToUpdate,
        ErrorCode::InvalidPolicy,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: Person, request: Request, of: ManagedLicense) -> Result<OneLicense> {
        update(cx, &caller.origin, Changes::from(request), of).await
    }
}

/// `PATCH /v1/products/{productId}/licenses/{id}`.
pub struct V1UpdateOwnLicense;

impl Endpoint for V1UpdateOwnLicense {
    const NAME: &'static str = "v1-update-own-license";
    const ROUTE: &'static str = "PATCH /v1/products/{productId}/licenses/{id}";
    const SUMMARY: &'static str = V1UpdateLicense::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseWrite);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ForeignProduct,
        ErrorCode::ProductNotFound,
        NOT_FOUND,
        ErrorCode::NothingToUpdate,
        ErrorCode::InvalidPolicy,
    ];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = OwnRequest;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: ProductKey, request: OwnRequest, of: ManagedLicense) -> Result<OneLicense> {
        update(cx, &caller.origin, Changes::from(request), of).await
    }
}
