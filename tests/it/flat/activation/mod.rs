//! Machines on licenses.

mod activate;
mod bundle;
mod deactivate;
mod floating;
mod heartbeat;
mod license_type;
mod r#move;
mod token;
mod validate;
