//! Proofs: what is asked at once, what fails, and what is sent in every form there is.

mod attacks;
mod code_races;
mod faults;
mod key_holders;
mod license_key_races;
mod linearizable;
mod model;
mod move_races;
mod parsing;
mod properties;
mod purchase_races;
mod races;
mod sales;
mod v1_races;

/// The server's: a test allocates a hundred thousand small things and more on the way through SDK and engine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
