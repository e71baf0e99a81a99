//! Who calls what people do.

use crate::frame::callers::AccountHolder;

/// Somebody who is signed in at `/v1`.
pub(super) type Person = AccountHolder;
