//! `POST /addMember`: let an account look after what an owner sells.

use keystead_core::{
    Result,
    owner::{
        OwnerId,
        member::{Member, MemberId, Role},
    },
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::SuperAdmin, context::Context, endpoint::Endpoint},
};

/// `POST /addMember`.
pub struct AddMember;

/// Who becomes a member of whom. There need be no account with the address yet.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    creator_id: OwnerId,
    email: Email,
    role: Role,
}

/// They are a member, with this role.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    creator_id: OwnerId,
    email: Email,
    role: Role,
}

impl Endpoint for AddMember {
    const NAME: &'static str = "add-member";
    const ROUTE: &'static str = "POST /addMember";
    const SUMMARY: &'static str = "Let an account look after what an owner sells.";
    const REQUIRED: &'static [&'static str] = &["creatorId", "email", "role"];
    const WRITES: bool = true;

    type Face = FlatAdmin;
    type Caller = SuperAdmin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: SuperAdmin, request: Request, (): ()) -> Result<Reply> {
        // One who has no account yet is a member by their address, until they are taken off.
        let account = cx.store.account_get(&request.email).await?;
        let member_id = account.map_or_else(
            || MemberId::from(&request.email),
            |account| MemberId::from(&account.account_id),
        );
        let member = Member {
            owner_id: request.creator_id,
            member_id,
            email: request.email.to_folded(),
            role: request.role,
            added_at: cx.clock.now(),
        };
        cx.store.member_put(&member, &cx.audit(&caller.origin)).await?;
        Ok(Reply {
            creator_id: member.owner_id,
            email: member.email,
            role: member.role,
        })
    }
}
