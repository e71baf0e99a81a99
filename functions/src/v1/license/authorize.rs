//! `POST /v1/licenses/authorize`: whether an application may run.

use std::borrow::Cow;

use http::StatusCode;
use keystead_core::{
    Result, Timestamp,
    error::ErrorCode,
    license::{
        activation::SESSION_TIMEOUT,
        address::Address,
        authorization::{AuthorizationDenial, AuthorizationRequest, Grant, ReasonCode, Remaining},
        expiry::DaysOfUse,
        key::LicenseKey,
        machine::Fingerprint,
        seats::SeatLimit,
        session::{DeviceId, SessionName},
    },
    owner::permission::Permission,
    product::ProductId,
    store::license::authorize::AuthorizationFetch,
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{
        callers::{ProductKey, Source},
        context::Context,
        endpoint::{Endpoint, Needs},
        reply::{Head, True},
        subject::Subject,
    },
    v1::face::V1Authorizes,
};

/// `POST /v1/licenses/authorize`.
pub struct V1Authorize;

/// An application, and the license that it shows.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "AuthorizeRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    license_key: LicenseKey,
    /// The machine.
    hwid: Option<Fingerprint>,
    /// The address of the machine; that of the caller, if absent.
    ip: Option<Address>,
    device_id: Option<DeviceId>,
    /// Names a session, which is counted where the policy limits how many may be open.
    session_id: Option<SessionName>,
    /// Whether it merely asks: then nothing is written.
    dry_run: Option<bool>,
}

/// Whether the application may run.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "Authorization")
)]
#[serde(untagged)]
pub enum Reply {
    /// It may.
    Granted(Box<Granted>),
    /// It may not.
    Denied(Denied),
}

/// That the application may run.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "AuthorizationGranted")
)]
#[serde(rename_all = "camelCase")]
pub struct Granted {
    ok: True,
    allow: True,
    #[cfg_attr(feature = "openapi", schemars(with = "String", extend("const" = "ALLOW")))]
    reason_code: ReasonCode,
    message: &'static str,
    policy: Summary,
    limits: Limits,
    activated_at: Option<Timestamp>,
    effective_expires_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    /// Of an answer that is signed: until when the machine that asks may run on it without the service; null, if it named none or
    /// merely asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    offline_until: Option<Option<Timestamp>>,
}

/// What the policy came to.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "PolicySummary")
)]
struct Summary {
    summary: &'static str,
}

/// What remains of the license's limits.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "AuthorizationLimits")
)]
struct Limits {
    remaining: RemainingView,
}

/// How many more there may be of each: a number, or `"unlimited"`.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Remaining"))]
struct RemainingView {
    hwid: Count,
    ip: Count,
    concurrency: Count,
}

/// A number, or `"unlimited"`.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "RemainingCount")
)]
#[serde(untagged)]
enum Count {
    Number(u32),
    #[cfg_attr(feature = "openapi", schemars(extend("const" = "unlimited")))]
    Unlimited(&'static str),
}

impl From<Remaining> for Count {
    fn from(remaining: Remaining) -> Self {
        match remaining {
            Remaining::Unlimited => Self::Unlimited("unlimited"),
            Remaining::Number(number) => Self::Number(number),
        }
    }
}

/// That the application may not run.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "AuthorizationDenied")
)]
#[serde(rename_all = "camelCase")]
pub struct Denied {
    #[cfg_attr(feature = "openapi", schemars(extend("const" = false)))]
    ok: bool,
    #[cfg_attr(feature = "openapi", schemars(extend("const" = false)))]
    allow: bool,
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    reason_code: ReasonCode,
    /// Of a key that is none, the reason once more: older clients look for it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>"))]
    error: Option<ReasonCode>,
    /// What the person in front of the machine is told.
    message: Cow<'static, str>,
}

impl From<Grant> for Granted {
    fn from(grant: Grant) -> Self {
        let reason_code = ReasonCode::Allow;
        Self {
            ok: True,
            allow: True,
            reason_code,
            message: reason_code.message(),
            policy: Summary {
                summary: reason_code.message(),
            },
            limits: Limits {
                remaining: RemainingView {
                    hwid: grant.remaining.hwid.into(),
                    ip: grant.remaining.ip.into(),
                    concurrency: grant.remaining.concurrency.into(),
                },
            },
            activated_at: grant.activated_at,
            effective_expires_at: grant.effective_expires_at,
            expires_at: grant.expires_at,
            expires_after_days: grant.expires_after_days,
            offline_until: None,
        }
    }
}

impl From<AuthorizationDenial> for Denied {
    fn from(denial: AuthorizationDenial) -> Self {
        Self {
            ok: false,
            allow: false,
            reason_code: denial.reason,
            error: Some(denial.reason).filter(|reason| *reason == ReasonCode::LicenseNotFound),
            message: denial.message,
        }
    }
}

/// What is asked, and what was read for it.
pub struct Asked {
    is_signed: bool,
    request: AuthorizationRequest,
    fetched: AuthorizationFetch,
}

impl Subject<Request, ProductKey> for Asked {
    type Prefetched = Self;

    async fn prefetch(cx: &Context, request: &Request, source: &Source) -> Result<Self> {
        let request = AuthorizationRequest {
            product_id: request.product_id.clone(),
            license_key: request.license_key.clone(),
            hwid: request.hwid.clone(),
            address: request.ip.clone().or_else(|| source.address.ip().map(Address::from)),
            region: source.country().cloned(),
            device_id: request.device_id.clone(),
            session: request.session_id.clone(),
            dry_run: request.dry_run.unwrap_or(false),
            session_lease: SESSION_TIMEOUT,
            most_machines: cx.config.most_machines,
        };
        let fetched = cx.store.authorization_fetch_unscoped(&request, cx.clock.now()).await?;
        Ok(Self {
            is_signed: source.wants_signature,
            request,
            fetched,
        })
    }

    async fn admit(_: &Context, caller: &ProductKey, request: &Request, asked: Self) -> Result<Self> {
        caller.require_product(&request.product_id)?;
        Ok(asked)
    }
}

/// Until when the machine may run on the answer alone: as long as it could on a token of the flat API. An answer that names no
/// machine would let any run.
fn offline_until(cx: &Context, request: &AuthorizationRequest, grant: &Grant, now: Timestamp) -> Option<Timestamp> {
    let for_machine = request.hwid.is_some() && !request.dry_run;
    let license = grant.license.for_machine(grant.machine_since.or(Some(now)));
    let expiry = license.token_expiry(now, &cx.config.tokens);
    // Sessions share the license: one machine may keep it offline for a short life only, as of a floating license.
    let shared = matches!(grant.policy.session_limit(), SeatLimit::Limited(_));
    let longest = if shared {
        (now + cx.config.tokens.short_life).whole_seconds()
    } else {
        expiry
    };
    for_machine.then(|| expiry.min(longest))
}

impl Endpoint for V1Authorize {
    const NAME: &'static str = "v1-authorize";
    const ROUTE: &'static str = "POST /v1/licenses/authorize";
    const SUMMARY: &'static str = "Whether an application may run.";
    const NEEDS: Needs = Needs::Permission(Permission::LicenseAuthorize);
    const REQUIRED: &'static [&'static str] = &["productId", "licenseKey"];
    const STATUSES: &'static [StatusCode] = &[StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ForeignProduct];

    type Face = V1Authorizes;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = Asked;
    type Reply = Reply;

    fn head(_: &Context, reply: &Reply) -> Head {
        let status = match reply {
            Reply::Granted(_) => StatusCode::OK,
            Reply::Denied(denied) if denied.reason_code == ReasonCode::LicenseNotFound => StatusCode::NOT_FOUND,
            Reply::Denied(_) => StatusCode::FORBIDDEN,
        };
        Head {
            status,
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: ProductKey, _: Request, asked: Asked) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let outcome = cx
            .store
            .license_authorize(asked.fetched, &asked.request, &audit)
            .await?;
        Ok(match outcome.decision {
            Ok(grant) => {
                let offline_until = asked
                    .is_signed
                    .then(|| offline_until(cx, &asked.request, &grant, audit.now));
                Reply::Granted(Box::new(Granted {
                    offline_until,
                    ..Granted::from(grant)
                }))
            }
            Err(denial) => Reply::Denied(Denied::from(denial)),
        })
    }
}
