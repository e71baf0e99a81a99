//! What stores tell of purchases.

mod cglounge;
mod subscription;
