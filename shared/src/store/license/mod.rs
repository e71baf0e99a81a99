//! What is stored of licenses.

pub mod activation;
pub mod license;
pub mod list;
pub mod lock;
pub mod moves;
pub mod seats;
pub mod violation;
