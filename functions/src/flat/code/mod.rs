//! Trial and discount codes: one store and one set of fields under two names.

mod create;
mod delete;
mod list;
mod redeem;
mod update;

pub use create::{CreateDiscountCode, CreateTrialCode};
pub use delete::{DeleteDiscountCode, DeleteTrialCode};
pub use list::{ListDiscountCodes, ListTrialCodes};
pub use redeem::RedeemTrialCode;
pub use update::{UpdateDiscountCode, UpdateTrialCode};
