//! The accounts API: `/api/auth/...`.

mod register;
