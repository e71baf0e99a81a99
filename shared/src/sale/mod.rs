//! Sales: codes, purchases, and the notices (webhooks) of stores.

pub mod code;
pub mod entitlement;
pub mod fact;
pub mod history;
pub mod purchase;
pub mod store_id;
pub mod stripe;
