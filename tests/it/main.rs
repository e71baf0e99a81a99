//! Stories over the whole API.

mod activate;
mod deactivate;

mod attacks;
mod budgets;
mod faults;
mod races;
mod secrecy;
