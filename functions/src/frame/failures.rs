//! Wrong credentials, counted by the network that they come from: a process refuses a network that shows many.
//!
//! Only failures count, and only in this process's memory: neither who is let in nor who is refused costs a call of
//! DynamoDB. The secrets have 256 bits, so this is not what keeps guesses from success; it keeps them from being free.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use keystead_core::{
    Error, Result, Timestamp,
    error::Throttle,
    request::client_address::{ClientAddress, Tier},
};

/// How many wrong credentials a host may show in a [`WINDOW`].
pub const MOST: u32 = 100;

/// As [`MOST`], of all the hosts of a company's or provider's network together: one who has such a network, of IPv6 65,536 hosts, gets
/// no further than this.
pub const MOST_OF_ORGANISATION: u32 = 1600;

/// As [`MOST`], of a network that a right one came from lately: who guesses at a secret keeps its holders out, beside whom
/// they are, only at a price.
pub const MOST_OF_KNOWN: u32 = 10_000;

/// How long a failure counts at most: windows have a fixed length.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);

/// How long a right credential is remembered of a network.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// How many networks are remembered at once. Beyond that, further ones are not: what those try that are known stays counted.
const NETWORKS: usize = 20_000;

/// The networks of a client that are counted, and how many wrong credentials each may show.
fn tiers(client: ClientAddress) -> [(String, u32); 2] {
    [
        (client.network(Tier::Host), MOST),
        (client.network(Tier::Organisation), MOST_OF_ORGANISATION),
    ]
}

/// Wrong credentials by network; one a process. Clones share it.
#[derive(Clone, Default)]
pub struct Failures(Arc<Mutex<Tallies>>);

#[derive(Default)]
struct Tallies {
    window: i64,
    by_network: HashMap<String, Tally>,
}

/// What a network has shown.
#[derive(Default)]
struct Tally {
    /// How many wrong credentials, in this window.
    failures: u32,
    /// Until when it counts as one that right ones come from.
    known_until: Option<Timestamp>,
}

impl Failures {
    /// Refuses a client whose network has shown too many wrong credentials.
    ///
    /// # Errors
    /// [`Throttle::Attempts`].
    pub(crate) fn check(&self, client: ClientAddress, now: Timestamp) -> Result<()> {
        let tallies = self.at(now);
        let is_within = |(network, most): &(String, u32)| {
            let tally = tallies.by_network.get(network);
            tally.is_none_or(|tally| tally.failures < tally.limit(*most, now))
        };
        if tiers(client).iter().all(is_within) {
            return Ok(());
        }
        Err(Error::Throttled {
            by: Throttle::Attempts,
            retry_at: window(now).1,
        })
    }

    /// Counts a wrong credential.
    pub(crate) fn note(&self, client: ClientAddress, now: Timestamp) {
        let mut tallies = self.at(now);
        for (network, _) in tiers(client) {
            if let Some(tally) = tallies.of(network) {
                tally.failures = tally.failures.saturating_add(1);
            }
        }
    }

    /// Remembers a right credential.
    pub(crate) fn note_success(&self, client: ClientAddress, now: Timestamp) {
        let mut tallies = self.at(now);
        for (network, _) in tiers(client) {
            if let Some(tally) = tallies.of(network) {
                tally.known_until = Some(now + KNOWN);
            }
        }
    }

    fn at(&self, now: Timestamp) -> MutexGuard<'_, Tallies> {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.turn_to(now);
        tallies
    }
}

impl Tallies {
    /// Begins a new window, should it be time.
    fn turn_to(&mut self, now: Timestamp) {
        let (window, _) = window(now);
        if self.window != window {
            self.window = window;
            self.by_network
                .retain(|_, tally| tally.known_until.is_some_and(|until| now < until));
            self.by_network.values_mut().for_each(|tally| tally.failures = 0);
        }
    }

    /// The tally of a network, if there is room for it.
    fn of(&mut self, network: String) -> Option<&mut Tally> {
        let has_room = self.by_network.len() < NETWORKS;
        if has_room || self.by_network.contains_key(&network) {
            Some(self.by_network.entry(network).or_default())
        } else {
            None
        }
    }
}

impl Tally {
    fn limit(&self, most: u32, now: Timestamp) -> u32 {
        if self.known_until.is_some_and(|until| now < until) {
            MOST_OF_KNOWN
        } else {
            most
        }
    }
}

/// Which window `now` is in, and when that ends.
fn window(now: Timestamp) -> (i64, Timestamp) {
    let length = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
    let window = now.millis().div_euclid(length);
    (window, Timestamp::from_millis((window + 1).saturating_mul(length)))
}
