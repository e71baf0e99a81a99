//! Sales: codes, purchases, and the notices (webhooks) of stores.

pub mod code;
pub mod purchase;
pub mod stripe;
