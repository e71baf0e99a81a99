//! The items of a team, and on what condition it changes.

use crate::{
    Result, Timestamp,
    owner::{
        OwnerId,
        member::{Member, MemberId},
    },
    store::{
        item::{Item, encode, text},
        schema,
        write::{Action, UpdateExpression, update},
    },
};

/// The sort key of an organisation itself, and of a slug.
pub(super) const ORGANISATION: &str = "#";

pub(super) fn organisation_key(owner: &OwnerId) -> Item {
    schema::TEAMS.key(owner.as_str(), Some(ORGANISATION))
}

/// With what the sort keys of members begin.
pub(super) const MEMBERS: &str = "member#";

pub(super) fn member_key(owner: &OwnerId, member: &MemberId) -> Item {
    schema::TEAMS.key(owner.as_str(), Some(&format!("{MEMBERS}{member}")))
}

pub(super) fn member_item(member: &Member) -> Result<Item> {
    let mut item = encode(member)?;
    item.insert("item".to_owned(), text(format!("{MEMBERS}{}", member.member_id)));
    Ok(item)
}

/// The condition on which a team may change: its organisation is there.
pub(super) fn organisation_changed(owner: &OwnerId, change: UpdateExpression, now: Timestamp) -> Action {
    let change = change
        .set("updatedAt", text(now))
        .when("attribute_exists(ownerId) AND attribute_not_exists(deletedAt)", []);
    update(&schema::TEAMS, organisation_key(owner), change)
}
