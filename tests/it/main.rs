//! Stories over the whole API. A test's path is that of the endpoint under `functions/src/`.

mod accounts;
mod everywhere;
mod flat;
mod license_keys;
