//! The license-keys API: `/api/license-keys/...`.

mod validate;
