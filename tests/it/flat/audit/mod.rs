//! The audit log of an owner.

mod list;
