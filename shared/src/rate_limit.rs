//! Rate limits: how often something may be tried.

use std::time::Duration;

/// At most [`RateLimit::ATTEMPTS`] attempts to activate a license key in any sixty minutes, counted exactly.
///
/// The number is fixed because the counter keeps the times of just so many attempts in one item (see
/// `store/rate_limit.rs`).
#[derive(Clone, Copy, Debug)]
pub struct RateLimit;

impl RateLimit {
    /// How many attempts a window admits.
    pub const ATTEMPTS: usize = 15;
    /// How long an attempt counts.
    pub const WINDOW: Duration = Duration::from_secs(60 * 60);
}
