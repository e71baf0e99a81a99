//! What is stored of owners: their keys and members.

mod api_key;
mod invite;
mod member;
mod organisation;
pub mod product_key;
mod team;
