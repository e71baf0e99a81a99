//! `POST /v1/dashboard/licenses/{id}/sessions/{sessionId}/revoke`, and the same to an API key: end a session.

use keystead_core::{
    Result,
    audit::Origin,
    error::ErrorCode,
    license::{key::LicenseId, session::SessionName},
    owner::{member::Role, permission::Permission},
    product::ProductId,
};
use serde::{Deserialize, Serialize};

use super::view::SessionView;
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{
        face::{V1, V1Keys},
        license::view::{ManagedLicense, NOT_FOUND, names_own_license},
        person::Person,
    },
};

/// `POST /v1/dashboard/licenses/{id}/sessions/{sessionId}/revoke`.
pub struct V1RevokeLicenseSession;

/// Which session of which license: by its id, or by what its application calls it.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "RevokeLicenseSessionRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    id: LicenseId,
    session_id: SessionName,
}

/// The session has ended, and does not come back.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicenseSessionRevoked")
)]
pub struct Reply {
    session: SessionView,
}

impl Names<LicenseId> for Request {
    fn named(&self) -> &LicenseId {
        &self.id
    }
}

async fn revoke(cx: &Context, origin: &Origin, session: &SessionName, of: ManagedLicense) -> Result<Reply> {
    let session = cx.store.session_get(&of.license, session.as_str()).await?;
    let audit = cx.audit(origin);
    let session = cx.store.session_revoke(&of.license, session, &audit).await?;
    Ok(Reply {
        session: SessionView::new(session, &of.license.license_id, audit.now),
    })
}

impl Endpoint for V1RevokeLicenseSession {
    const NAME: &'static str = "v1-revoke-license-session";
    const ROUTE: &'static str = "POST /v1/dashboard/licenses/{id}/sessions/{sessionId}/revoke";
    const SUMMARY: &'static str = "End a session. It does not come back.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[NOT_FOUND, ErrorCode::Forbidden, ErrorCode::SessionNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, of: ManagedLicense) -> Result<Reply> {
        revoke(cx, &caller.origin, &request.session_id, of).await
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/sessions/{sessionId}/revoke`.
pub struct V1RevokeOwnLicenseSession;

/// Which session of which license of a product's: by its id, or by what its application calls it.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "RevokeOwnLicenseSessionRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct OwnRequest {
    product_id: ProductId,
    id: LicenseId,
    session_id: SessionName,
}

names_own_license!(OwnRequest);

impl Endpoint for V1RevokeOwnLicenseSession {
    const NAME: &'static str = "v1-revoke-own-license-session";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/sessions/{sessionId}/revoke";
    const SUMMARY: &'static str = V1RevokeLicenseSession::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseRevoke);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ForeignProduct,
        ErrorCode::ProductNotFound,
        NOT_FOUND,
        ErrorCode::SessionNotFound,
    ];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = OwnRequest;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, request: OwnRequest, of: ManagedLicense) -> Result<Reply> {
        revoke(cx, &caller.origin, &request.session_id, of).await
    }
}
