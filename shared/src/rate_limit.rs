//! Rate limits: how often something may be tried.

use std::time::Duration;

use crate::Timestamp;

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

/// At most so many attempts in a window of fixed length; the next begins when one ends. Cheap for any number, and twice as
/// many may come at once where two windows meet, which does no harm to what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// What is counted, as the bucket's name has it.
    pub name: &'static str,
    /// How many attempts a window admits.
    pub attempts: u32,
    /// How long a window lasts.
    pub window: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Allowance {
    /// Logins to one account, right or wrong, and passwords set for it: who guesses gets nowhere, and who forgot is not
    /// kept out for long.
    pub const LOGINS_OF_ACCOUNT: Self = Self {
        name: "login",
        attempts: 10,
        window: MINUTE.saturating_mul(15),
    };
    /// The same from one address of the network, which an office may share.
    pub const LOGINS_FROM_ADDRESS: Self = Self {
        name: "login-from",
        attempts: 60,
        window: MINUTE.saturating_mul(15),
    };
    /// Mail to one account: nobody's mailbox is filled by us.
    pub const MAIL_TO_ACCOUNT: Self = Self {
        name: "mail",
        attempts: 5,
        window: MINUTE.saturating_mul(60),
    };
    /// Requests from one address that send mail.
    pub const MAIL_FROM_ADDRESS: Self = Self {
        name: "mail-from",
        attempts: 30,
        window: MINUTE.saturating_mul(60),
    };

    /// When the window begins that `now` is in.
    pub(crate) fn window_of(&self, now: Timestamp) -> Timestamp {
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(now.millis().div_euclid(window).saturating_mul(window))
    }
}
