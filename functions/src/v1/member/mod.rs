//! Members: the people of a team, and what each may do.

mod list;
mod remove;
mod transfer;
mod update;
mod view;

pub use list::V1ListMembers;
pub use remove::V1RemoveMember;
pub use transfer::V1TransferOwnership;
pub use update::V1UpdateMember;
