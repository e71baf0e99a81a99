//! The audit log: what vendors did.

mod list;

pub use list::ListAuditEvents;
