//! Stories over the whole API.

mod activate;
mod api_keys;
mod architecture;
mod authentication;
mod bundle;
mod contract;
mod create_api_key;
mod create_license;
mod create_product;
mod deactivate;
mod floating;
mod get_license;
mod heartbeat;
mod license_types;
mod list_licenses;
mod list_products;
mod reinstate_license;
mod requests;
mod reset_activations;
mod resolve_license;
mod revoke_license;
mod signing_key;
mod token;
mod update_license;
mod update_product;
mod validate;
mod variants;
mod verify;

mod admin_session;
mod attacks;
mod budgets;
mod faults;
mod properties;
mod races;
mod secrecy;
