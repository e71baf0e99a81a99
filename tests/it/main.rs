//! Stories over the whole API.

mod activate;
mod deactivate;

mod races;
