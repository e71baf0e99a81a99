//! Rate limits: how often something may be tried.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Timestamp, error::Throttle};

/// At most [`RateLimit::ATTEMPTS`] attempts in any sixty minutes to activate a license key: by one network, as long as its
/// machines are new, and by each machine that is on the license. Counted exactly.
///
/// The number is fixed because the counter keeps the times of just so many attempts (see `store/rate_limit.rs`).
#[derive(Clone, Copy, Debug)]
pub struct RateLimit;

impl RateLimit {
    /// How many attempts a window admits.
    pub const ATTEMPTS: usize = 15;
    /// How long an attempt counts.
    pub const WINDOW: Duration = Duration::from_secs(60 * 60);

    /// Under what a counter keeps the time of its oldest attempt.
    pub const OLDEST: &'static str = "t0";

    /// That there have been too many, of which `oldest` is the first to leave the window.
    pub fn refusal(oldest: Timestamp) -> Error {
        Error::Throttled {
            by: Throttle::Activations,
            retry_at: oldest + Self::WINDOW,
        }
    }
}

/// The attempts of a machine that is on a license, as its activation keeps them: a shift register of the times of the last
/// ones that were admitted, `t0` the oldest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempts(BTreeMap<String, i64>);

impl Attempts {
    /// With one, which was made at `now`.
    pub fn first(now: Timestamp) -> Self {
        let newest = format!("t{}", RateLimit::ATTEMPTS - 1);
        Self(BTreeMap::from([(newest, now.millis())]))
    }

    /// That another attempt may be made at `now`.
    ///
    /// # Errors
    /// [`Throttle::Activations`].
    pub fn admit(&self, now: Timestamp) -> Result<()> {
        let oldest = self.0.get(RateLimit::OLDEST).map(|at| Timestamp::from_millis(*at));
        match oldest {
            Some(oldest) if oldest > now - RateLimit::WINDOW => Err(RateLimit::refusal(oldest)),
            Some(_) | None => Ok(()),
        }
    }
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
        window_of(self.window, now)
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// At most so many requests of one address in a minute, whatever they ask. Several processes share the count in portions: each
/// takes one, and spends it by itself. The next portion is smaller than the one before, so that many processes each have one,
/// and the last ones are of one request.
///
/// **Invariant**: all portions together are the limit. So what is spent is never more, however many processes there are, and
/// one process alone spends exactly so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    /// What is counted, as the bucket's name has it.
    pub name: &'static str,
    /// How many requests a window admits.
    pub requests: u32,
}

/// A part of what a [`RequestLimit`] admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// How many requests it is.
    pub requests: u32,
    /// How many were taken with it and before it, by all processes.
    pub taken: u32,
}

impl RequestLimit {
    /// Those of clients that show an API key.
    pub const WITH_KEY: Self = Self {
        name: "requests-key",
        requests: 120,
    };
    /// Those of all others.
    pub const WITHOUT_KEY: Self = Self {
        name: "requests",
        requests: 60,
    };
    /// How long a window lasts.
    pub const WINDOW: Duration = MINUTE;

    /// Every portion, in the order in which they are taken: each a tenth of what is left, and at least one request.
    fn portions(self) -> impl Iterator<Item = Portion> {
        let first = Portion { requests: 0, taken: 0 };
        let next = move |last: &Portion| {
            let left = self.requests - last.taken;
            let requests = left.div_ceil(10);
            (left > 0).then_some(Portion {
                requests,
                taken: last.taken + requests,
            })
        };
        std::iter::successors(Some(first), next).skip(1)
    }

    /// The portion that is taken as the first, second and so on of a window, counted from 1.
    pub(crate) fn portion(self, number: u32) -> Option<Portion> {
        let before = usize::try_from(number.checked_sub(1)?).ok()?;
        self.portions().nth(before)
    }

    /// How many portions a window has.
    pub(crate) fn number_of_portions(self) -> u32 {
        u32::try_from(self.portions().count()).unwrap_or(u32::MAX)
    }

    /// When the window begins that `now` is in.
    pub fn window_of(now: Timestamp) -> Timestamp {
        window_of(Self::WINDOW, now)
    }

    /// That there have been too many in the window that `now` is in.
    pub fn refusal(now: Timestamp) -> Error {
        Error::Throttled {
            by: Throttle::Requests,
            retry_at: Self::window_of(now) + Self::WINDOW,
        }
    }
}

/// When the window of this length begins that `now` is in.
fn window_of(length: Duration, now: Timestamp) -> Timestamp {
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.millis().div_euclid(length).saturating_mul(length))
}

/// What may be tried with accounts.
///
/// **Invariant**: what strangers can use up never keeps out an account's holder who shows that they are: a device that has
/// signed in before has an allowance of its own, and so has whoever reads the mailbox.
#[derive(Clone, Copy, Debug)]
pub struct Allowances;

impl Allowances {
    /// Wrong passwords from one network, which an office may share.
    pub const LOGIN_NETWORK: Allowance = Allowance {
        name: "login-from",
        attempts: 60,
        window: MINUTE.saturating_mul(15),
    };
    /// Wrong passwords from one wide network, of which one customer of a provider may have many narrow ones.
    pub const LOGIN_WIDE_NETWORK: Allowance = Allowance {
        name: "login-from-wide",
        attempts: 600,
        window: MINUTE.saturating_mul(15),
    };
    /// Wrong passwords of one account from one network: who guesses there gets nowhere, and keeps nobody out elsewhere.
    pub const LOGIN_ACCOUNT_NETWORK: Allowance = Allowance {
        name: "login",
        attempts: 10,
        window: MINUTE.saturating_mul(15),
    };
    /// Wrong passwords of one account from anywhere but the devices that it knows: guesses from many networks.
    pub const LOGIN_ACCOUNT: Allowance = Allowance {
        name: "login-wide",
        attempts: 100,
        window: HOUR,
    };
    /// Wrong passwords of one account from one device that has signed in before.
    pub const LOGIN_DEVICE: Allowance = Allowance {
        name: "login-device",
        ..Self::LOGIN_ACCOUNT_NETWORK
    };
    /// Wrong passwords shown by one login, to change something.
    pub const CONFIRMATION: Allowance = Allowance {
        name: "confirm",
        ..Self::LOGIN_ACCOUNT_NETWORK
    };
    /// Invites of one organisation.
    pub const INVITES: Allowance = Allowance {
        name: "invites",
        attempts: 50,
        window: DAY,
    };
    /// Invites to one mailbox.
    pub const INVITES_MAILBOX: Allowance = Allowance {
        name: "invites-to",
        attempts: 5,
        window: DAY,
    };
    /// Uses of one mailed token: each hashes a password.
    pub const MAIL_TOKEN: Allowance = Allowance {
        name: "mail-token",
        ..Self::LOGIN_ACCOUNT_NETWORK
    };
    /// Mails that one network asks for.
    pub const MAIL_NETWORK: Allowance = Allowance {
        name: "mail-from",
        attempts: 30,
        window: HOUR,
    };
    /// Mails that one wide network asks for.
    pub const MAIL_WIDE_NETWORK: Allowance = Allowance {
        name: "mail-from-wide",
        attempts: 300,
        window: HOUR,
    };
    /// Mails to one mailbox that one network, however wide, asks for.
    pub const MAIL_MAILBOX_NETWORK: Allowance = Allowance {
        name: "mail-to-from",
        attempts: 5,
        window: HOUR.saturating_mul(6),
    };
    /// Mails with a license key that vendors have sent to one mailbox again. They are counted apart from those with a token: a
    /// mailbox that gets no more of these has one that is good.
    pub const LICENSE_MAILBOX: Allowance = Allowance {
        name: "mail-license",
        ..Self::MAILBOX
    };
    /// Mails with a token to one mailbox. Beyond these none is sent: the mailbox has a token that is still good.
    pub const MAILBOX: Allowance = Allowance {
        name: "mail-to",
        attempts: 2,
        window: HOUR,
    };
    /// Mails to one mailbox without an account, to somebody who says that they forgot a password.
    pub const MAILBOX_WITHOUT_ACCOUNT: Allowance = Allowance {
        name: "mail-to-nobody",
        attempts: 1,
        window: DAY,
    };

    /// Mails that anybody asks for, of the whole deployment: what they cost, and the sender's reputation, have an end.
    pub const fn mails_of_deployment(a_day: u32) -> Allowance {
        Allowance {
            name: "mail",
            attempts: a_day,
            window: DAY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_portions_together_are_the_limit_and_the_first_is_a_tenth_of_it() {
        for limit in [RequestLimit::WITH_KEY, RequestLimit::WITHOUT_KEY] {
            let portions: Vec<Portion> = limit.portions().collect();
            let requests: Vec<u32> = portions.iter().map(|portion| portion.requests).collect();
            assert_eq!(requests[0], limit.requests / 10);
            assert_eq!(requests.iter().sum::<u32>(), limit.requests);
            assert_eq!(portions.last().expect("a portion").taken, limit.requests);
            assert!(requests.is_sorted_by(|a, b| a >= b), "{requests:?}");
            assert_eq!(requests.last(), Some(&1));
            let count = limit.number_of_portions();
            assert!(count >= 20, "many processes each have one: {count}");
            assert_eq!(limit.portion(1), portions.first().copied());
            assert_eq!(limit.portion(count), portions.last().copied());
            assert_eq!((limit.portion(0), limit.portion(count + 1)), (None, None));
        }
    }

    #[test]
    fn a_window_is_a_minute_of_the_clock() {
        let at = Timestamp::from_millis;
        for (now, begins) in [(0, 0), (59_999, 0), (60_000, 60_000), (119_999, 60_000), (-1, -60_000)] {
            assert_eq!(RequestLimit::window_of(at(now)), at(begins), "{now}");
        }
        assert_eq!(RequestLimit::refusal(at(61_000)).retry_at(), Some(at(120_000)));
    }
}
