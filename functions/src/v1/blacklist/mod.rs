//! Blacklists: machines and addresses on which no license of a product runs. To teams, and to the holders of its API keys.

mod delete;
mod list;
mod put;
mod put_many;
mod view;

pub use delete::{V1DeleteBlacklistEntry, V1DeleteOwnBlacklistEntry};
pub use list::{V1ListBlacklist, V1ListOwnBlacklist};
pub use put::{V1PutBlacklistEntry, V1PutOwnBlacklistEntry};
pub use put_many::{V1PutBlacklistEntries, V1PutOwnBlacklistEntries};
