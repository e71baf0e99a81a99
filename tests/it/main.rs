//! Stories over the whole API.

mod activate;
mod deactivate;
mod heartbeat;
mod signing_key;
mod token;
mod validate;
mod verify;
