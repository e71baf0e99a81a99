//! Stories over the whole API.

mod activate;
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
mod list_products;
mod requests;
mod reset_activations;
mod revoke_license;
mod signing_key;
mod token;
mod validate;
mod verify;

mod attacks;
mod budgets;
mod faults;
mod properties;
mod races;
mod secrecy;
