//! What is stored of owners: their keys and members.

mod api_key;
mod member;
