//! `POST /removeMember`: let an account no longer look after what an owner sells.

use keystead_core::{
    Result,
    owner::{OwnerId, member::MemberId},
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::SuperAdmin, context::Context, endpoint::Endpoint},
};

/// `POST /removeMember`.
pub struct RemoveMember;

/// Who is no longer a member of whom.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    creator_id: OwnerId,
    email: Email,
}

/// They are no member now, and may have been none before.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {}

impl Endpoint for RemoveMember {
    const NAME: &'static str = "remove-member";
    const ROUTE: &'static str = "POST /removeMember";
    const SUMMARY: &'static str = "Let an account no longer look after what an owner sells.";
    const REQUIRED: &'static [&'static str] = &["creatorId", "email"];
    const WRITES: bool = true;

    type Face = FlatAdmin;
    type Caller = SuperAdmin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: SuperAdmin, request: Request, (): ()) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let account = cx.store.account_get(&request.email).await?;
        let by_account = account.map(|account| MemberId::from(&account.account_id));
        // They may have been added before there was an account, and again since.
        for member in by_account.into_iter().chain([MemberId::from(&request.email)]) {
            cx.store.member_delete(&request.creator_id, &member, &audit).await?;
        }
        Ok(Reply {})
    }
}
