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

impl Allowance {
    /// When the window begins that `now` is in.
    pub(crate) fn window_of(&self, now: Timestamp) -> Timestamp {
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(now.millis().div_euclid(window).saturating_mul(window))
    }
}

/// What may be tried of one kind: from one address of the network, which an office may share, and of one account.
///
/// Each kind is counted apart, so that no number of wrong logins or of strangers' registrations keeps the owner of a mailbox
/// from a new password.
#[derive(Clone, Copy, Debug)]
pub struct Allowances {
    /// From one address.
    pub from_address: Allowance,
    /// Of one account.
    pub of_account: Allowance,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Allowances {
    /// What may be tried from all addresses of an organisation's network together: many times what one may.
    pub fn from_organisation(&self) -> Allowance {
        Allowance {
            attempts: self.from_address.attempts.saturating_mul(10),
            ..self.from_address
        }
    }

    /// Logins, right or wrong: who guesses gets nowhere, and who forgot is not kept out for long.
    pub const LOGINS: Self = Self {
        from_address: Allowance {
            name: "login-from",
            attempts: 60,
            window: MINUTE.saturating_mul(15),
        },
        of_account: Allowance {
            name: "login",
            attempts: 10,
            window: MINUTE.saturating_mul(15),
        },
    };
    /// Passwords set by who shows what was mailed for it.
    pub const RESETS: Self = Self {
        from_address: Allowance {
            name: "reset-from",
            ..Self::LOGINS.from_address
        },
        of_account: Allowance {
            name: "reset",
            ..Self::LOGINS.of_account
        },
    };
    /// Registrations, each of which is a mail: nobody's mailbox is filled by us.
    pub const REGISTRATIONS: Self = Self {
        from_address: Allowance {
            name: "register-from",
            attempts: 30,
            window: MINUTE.saturating_mul(60),
        },
        of_account: Allowance {
            name: "register",
            attempts: 5,
            window: MINUTE.saturating_mul(60),
        },
    };
    /// Forgotten passwords, likewise.
    pub const FORGOTTEN: Self = Self {
        from_address: Allowance {
            name: "forgotten-from",
            ..Self::REGISTRATIONS.from_address
        },
        of_account: Allowance {
            name: "forgotten",
            ..Self::REGISTRATIONS.of_account
        },
    };
}
