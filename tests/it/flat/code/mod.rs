//! Trial and discount codes: one store under two names.

mod redeem;
