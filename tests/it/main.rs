//! Stories over the whole API.

mod activate;
mod deactivate;

mod attacks;
mod budgets;
mod faults;
mod properties;
mod races;
mod secrecy;
