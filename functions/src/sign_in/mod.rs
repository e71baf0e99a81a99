//! How people show that they are the holders of accounts, and where they are signed in: what the APIs have in common that
//! people sign in to. Each API has its own words for it, and its own tokens.

pub(crate) mod allowance;
pub(crate) mod device;
pub(crate) mod login;
pub(crate) mod mails;
pub(crate) mod new_password;
pub(crate) mod sessions;
