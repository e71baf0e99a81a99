//! Stories over the whole API.

mod activate;
mod deactivate;

mod faults;
mod races;
