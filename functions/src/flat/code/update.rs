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
        callers::Admin,
        context::Context,
        endpoint::Endpoint,
        lenient::{Flag, nullable},
        subject::Names,
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

async fn update(cx: &Context, request: Request, code: Code) -> Result<Reply> {
    let code = cx.store.code_change(code, &request.changes()).await?;
    Ok(Reply { code: code.name })
}

impl Request {
    fn changes(&self) -> CodeChanges {
        CodeChanges {
            active: self.active.map(|flag| flag.0),
            max_uses: self.max_uses.map(|limit| limit.unwrap_or(UseLimit::Unlimited)),
            expires_at: self.expires_at,
            trial_days: self.trial_days,
            discount_percent: self.discount_percent.clone(),
        }
    }

    fn check(&self) -> Result<()> {
        if self.changes() == CodeChanges::default() {
            return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
        }
        Ok(())
    }
}

impl Names<CodeName> for Request {
    fn named(&self) -> &CodeName {
        &self.code
    }
}

impl Endpoint for UpdateDiscountCode {
    const NAME: &'static str = "update-discount-code";
    const ROUTE: &'static str = "POST /updateDiscountCode";
    const SUMMARY: &'static str = "Switch a discount code off or on, or change what it gives.";
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::NothingToUpdate, ErrorCode::CodeNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Code;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.check()
    }

    async fn call(cx: &Context, _: Admin, request: Request, code: Code) -> Result<Reply> {
        update(cx, request, code).await
    }
}

impl Endpoint for UpdateTrialCode {
    const NAME: &'static str = "update-trial-code";
    const ROUTE: &'static str = "POST /updateTrialCode";
    const SUMMARY: &'static str = "Switch a trial code off or on, or change what it gives.";
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::NothingToUpdate, ErrorCode::CodeNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Code;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.check()
    }

    async fn call(cx: &Context, _: Admin, request: Request, code: Code) -> Result<Reply> {
        update(cx, request, code).await
    }
}
