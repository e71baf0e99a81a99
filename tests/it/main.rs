//! Stories over the whole API.

mod activate;
mod bundle;
mod deactivate;
mod floating;
mod heartbeat;
mod license_types;
mod signing_key;
mod token;
mod validate;
mod verify;
