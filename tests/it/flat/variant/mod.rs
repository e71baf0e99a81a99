//! Variants of products.

mod update;
