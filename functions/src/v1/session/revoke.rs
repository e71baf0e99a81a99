//! `POST /v1/dashboard/licenses/{id}/sessions/{sessionId}/revoke`: end a session.

use keystead_core::{
    Result,
    error::ErrorCode,
    license::{key::LicenseId, session::SessionName},
    owner::member::Role,
};
use serde::{Deserialize, Serialize};

use super::view::SessionView;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{
        face::V1,
        license::view::{NOT_FOUND, TeamLicense},
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
    type Subject = TeamLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, of: TeamLicense) -> Result<Reply> {
        let session = cx.store.session_get(&of.license, request.session_id.as_str()).await?;
        let audit = cx.audit(&caller.origin);
        let session = cx.store.session_revoke(&of.license, session, &audit).await?;
        Ok(Reply {
            session: SessionView::new(session, &of.license.license_id, audit.now),
        })
    }
}
