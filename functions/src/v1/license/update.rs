//! `PATCH /v1/dashboard/licenses/{id}`: change a license.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::ErrorCode,
    event::EventType,
    license::{License, expiry::DaysOfUse, key::LicenseId},
    owner::member::Role,
    value::patch::Patch,
};
use serde::Deserialize;

use super::view::{ExpirationMode, NOT_FOUND, OneLicense, State, TeamLicense, expiry};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, person::Person, policy::GivenPolicy},
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

impl Request {
    fn names_end(&self) -> bool {
        let keeps = matches!(self.expires_at, Patch::Keep) && matches!(self.expires_after_days, Patch::Keep);
        self.expiration_mode.is_some() || !keeps
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
    type Subject = TeamLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: Person, request: Request, of: TeamLicense) -> Result<OneLicense> {
        let keeps_policy = matches!(request.policy_override, Patch::Keep);
        if request.status.is_none() && request.frozen.is_none() && !request.names_end() && keeps_policy {
            return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
        }
        let policy = match &request.policy_override {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(given) => Some(Some(given.parse("policyOverride")?)),
        };
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let license = cx
            .store
            .license_change(of.license.clone(), EventType::Updated, &audit, |license| {
                let mut changed = request.end(request.standing(license.clone(), now)?)?;
                if let Some(policy) = policy {
                    changed = changed.with_policy(policy, &of.product);
                }
                Ok((changed != *license).then_some(changed))
            })
            .await?;
        Ok(OneLicense::new(&of, &license, now))
    }
}
