//! `POST /deleteDiscountCode` and `POST /deleteTrialCode`: take a code away. What it was redeemed for stays good.

use keystead_core::{
    Result,
    error::ErrorCode,
    sale::code::{Code, CodeName},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
};

/// `POST /deleteDiscountCode`.
pub struct DeleteDiscountCode;

/// `POST /deleteTrialCode`.
pub struct DeleteTrialCode;

/// Which code.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    code: CodeName,
}

/// The code is deleted.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {}

async fn delete(cx: &Context, caller: &Admin, code: Code) -> Result<Reply> {
    cx.store.code_delete(&code, &cx.audit(&caller.origin)).await?;
    Ok(Reply {})
}

impl Names<CodeName> for Request {
    fn named(&self) -> &CodeName {
        &self.code
    }
}

impl Endpoint for DeleteDiscountCode {
    const NAME: &'static str = "delete-discount-code";
    const ROUTE: &'static str = "POST /deleteDiscountCode";
    const SUMMARY: &'static str = "Take a discount code away. What it was redeemed for stays good.";
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::CodeNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Code;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, _: Request, code: Code) -> Result<Reply> {
        delete(cx, &caller, code).await
    }
}

impl Endpoint for DeleteTrialCode {
    const NAME: &'static str = "delete-trial-code";
    const ROUTE: &'static str = "POST /deleteTrialCode";
    const SUMMARY: &'static str = "Take a trial code away. What it was redeemed for stays good.";
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::CodeNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Code;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, _: Request, code: Code) -> Result<Reply> {
        delete(cx, &caller, code).await
    }
}
