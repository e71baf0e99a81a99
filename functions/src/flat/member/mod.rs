//! Members: the accounts that look after what an owner sells.

mod add;
mod remove;

pub use add::AddMember;
pub use remove::RemoveMember;
