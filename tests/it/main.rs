//! Stories over the whole API. A test's path is that of the endpoint under `functions/src/`.

mod accounts;
mod everywhere;
mod flat;
mod license_keys;
mod v1;

/// The server's: a test allocates a hundred thousand small things and more on the way through SDK and engine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
