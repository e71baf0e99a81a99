//! Invites: who is asked to become a member.

mod accept;
mod create;
mod list;
mod mails;
mod preview;
mod resend;
mod revoke;
mod view;

pub use accept::V1AcceptInvite;
pub use create::V1CreateInvite;
pub use list::V1ListInvites;
pub use preview::V1PreviewInvite;
pub use resend::V1ResendInvite;
pub use revoke::V1RevokeInvite;
