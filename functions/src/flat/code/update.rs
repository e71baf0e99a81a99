//! `POST /updateDiscountCode` and `POST /updateTrialCode`: switch a code off or on, or change what it gives.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::ErrorCode,
    sale::code::{Code, CodeChanges, CodeName, Percent, UseLimit},
    value::{days::Days, patch::Patch},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, lenient::Flag, subject::Names},
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
    #[serde(default)]
    max_uses: Patch<UseLimit>,
    #[serde(default)]
    expires_at: Patch<Timestamp>,
    #[serde(default)]
    trial_days: Patch<Days>,
    #[serde(default)]
    discount_percent: Patch<Percent>,
}

/// The code is changed.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    code: CodeName,
}

async fn update(cx: &Context, caller: &Admin, request: Request, code: Code) -> Result<Reply> {
    let audit = cx.audit(&caller.origin);
    let code = cx.store.code_change(code, &request.changes(), &audit).await?;
    Ok(Reply { code: code.name })
}

impl Request {
    fn changes(&self) -> CodeChanges {
        CodeChanges {
            active: self.active.map(|flag| flag.0),
            max_uses: match self.max_uses {
                Patch::Keep => None,
                Patch::Clear => Some(UseLimit::Unlimited),
                Patch::Set(limit) => Some(limit),
            },
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

    async fn call(cx: &Context, caller: Admin, request: Request, code: Code) -> Result<Reply> {
        update(cx, &caller, request, code).await
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

    async fn call(cx: &Context, caller: Admin, request: Request, code: Code) -> Result<Reply> {
        update(cx, &caller, request, code).await
    }
}
