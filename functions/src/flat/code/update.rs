//! `POST /updateDiscountCode` and `POST /updateTrialCode`: switch a code off or on, or change what it gives.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::ErrorCode,
    sale::code::{Code, CodeChanges, CodeName, Percent, UseLimit},
    value::days::Days,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
        lenient::{Flag, nullable},
    },
};

/// `POST /updateDiscountCode`.
pub struct UpdateDiscountCode;

/// `POST /updateTrialCode`.
pub struct UpdateTrialCode;

/// Which code, and what changes of it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    code: CodeName,
    active: Option<Flag>,
    #[serde(default, deserialize_with = "nullable")]
    max_uses: Option<Option<UseLimit>>,
    #[serde(default, deserialize_with = "nullable")]
    expires_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "nullable")]
    trial_days: Option<Option<Days>>,
    #[serde(default, deserialize_with = "nullable")]
    discount_percent: Option<Option<Percent>>,
}

/// The code is changed.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    code: CodeName,
}

async fn update(cx: &Context, caller: Caller, request: Request, code: Option<Code>) -> Result<Reply> {
    let changes = CodeChanges {
        active: request.active.map(|flag| flag.0),
        max_uses: request.max_uses.map(|limit| limit.unwrap_or(UseLimit::Unlimited)),
        expires_at: request.expires_at,
        trial_days: request.trial_days,
        discount_percent: request.discount_percent,
    };
    if changes == CodeChanges::default() {
        return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
    }
    let code = cx
        .store
        .code_change(Code::seen_by(&caller.scope, code)?, &changes)
        .await?;
    Ok(Reply { code: code.name })
}

impl Endpoint for UpdateDiscountCode {
    const NAME: &'static str = "update-discount-code";
    const ROUTE: &'static str = "POST /updateDiscountCode";
    const SUMMARY: &'static str = "Switch a discount code off or on, or change what it gives.";
    const AUTH: Auth = Auth::Admin;
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::NothingToUpdate, ErrorCode::CodeNotFound];

    type Face = FlatAdmin;
    type Request = Request;
    type Fetched = Option<Code>;
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Option<Code>> {
        cx.store.code_get_unscoped(&request.code).await
    }

    async fn call(cx: &Context, caller: Caller, request: Request, code: Option<Code>) -> Result<Reply> {
        update(cx, caller, request, code).await
    }
}

impl Endpoint for UpdateTrialCode {
    const NAME: &'static str = "update-trial-code";
    const ROUTE: &'static str = "POST /updateTrialCode";
    const SUMMARY: &'static str = "Switch a trial code off or on, or change what it gives.";
    const AUTH: Auth = Auth::Admin;
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::NothingToUpdate, ErrorCode::CodeNotFound];

    type Face = FlatAdmin;
    type Request = Request;
    type Fetched = Option<Code>;
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Option<Code>> {
        cx.store.code_get_unscoped(&request.code).await
    }

    async fn call(cx: &Context, caller: Caller, request: Request, code: Option<Code>) -> Result<Reply> {
        update(cx, caller, request, code).await
    }
}
