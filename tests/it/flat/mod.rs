//! The flat API.

mod activation;
mod api_key;
mod audit;
mod code;
mod license;
mod product;
mod signing_key;
mod variant;
mod webhook;
