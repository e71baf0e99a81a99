//! Rate limits of requests (throttling): so many a minute of one address, whatever they ask, counted in every process that
//! serves it.
//!
//! What is counted where:
//!
//! - **Every request** counts in the memory of the process that it comes to, before anything is done for it ([`Limits::take`]).
//!   Beyond the limit it is refused: without a read, and without a write. That is all that is counted of strangers and of
//!   requests for which nobody shows a credential. So who shows none that is good causes no write at all here.
//! - **A request whose credential was found good** is paid for before it is carried out ([`Limits::pay`]), from a portion of the
//!   limit that the process has taken from the counter of the window, which all processes share. When its portion is spent it
//!   takes the next, by one write.
//!
//! Why that holds:
//!
//! - All portions of a window together are the limit ([`RequestLimit`]), and each is taken once. So of the requests of one
//!   address no more are carried out for a credential than the limit says, by however many processes: not even a tenth more.
//! - A process that serves an address alone takes every portion, so it carries out exactly so many. Requests that were refused
//!   count in its memory beside them.
//! - A calm client's first portion, a tenth of the limit, lasts for its minute: one write. One that uses up its limit causes a
//!   write for every fourth request. An address that no portion is left for is refused from memory until the window ends.
//! - What a process dies with of its portion is nobody's; the next window gives it back within the minute. An address that more
//!   processes serve in a minute than a window has portions, two dozen or more, may be refused a little before its limit.
//! - When the shared counter can't be reached, the request fails (it fails closed): nothing is carried out that was not paid.
//!
//! What is kept is forgotten when the window ends, and is of [`ADDRESSES`] at most. An address for which there is no room is
//! counted by the shared counter alone: each of its requests takes a portion, of which the rest is lost. So who comes from
//! many addresses exhausts neither the memory nor, for those who come from others, the limit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keystead_core::{
    Result, Timestamp,
    request::{
        client_address::{ClientAddress, Tier},
        rate_limit::{Portion, RequestLimit},
    },
    store::Store,
};

use crate::frame::request::Incoming;

/// How many addresses are counted at once, in a kind of client each: a hundred bytes or so of memory for each.
const ADDRESSES: usize = 10_000;

/// What kind of client asks, by what it shows: whether or not it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientKind {
    /// It shows what may be an API key of a product.
    WithKey,
    /// It shows none.
    WithoutKey,
}

impl ClientKind {
    /// The kind of client that sent a request.
    pub(crate) fn of(incoming: &Incoming) -> Self {
        if incoming.product_key().is_some() {
            Self::WithKey
        } else {
            Self::WithoutKey
        }
    }

    /// How many requests it may send.
    pub fn limit(self) -> RequestLimit {
        match self {
            Self::WithKey => RequestLimit::WITH_KEY,
            Self::WithoutKey => RequestLimit::WITHOUT_KEY,
        }
    }
}

/// How an address stands with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many requests a window admits.
    pub limit: u32,
    /// How many are left of it, as far as this process knows.
    pub remaining: u32,
    /// When the window ends.
    pub reset: Timestamp,
    /// Whether this request is within the limit.
    pub allowed: bool,
}

/// Requests by address; one a process. Clones share it.
#[derive(Clone, Default)]
pub struct Limits(Arc<Mutex<Tallies>>);

#[derive(Default)]
struct Tallies {
    /// When the window began whose requests these are.
    window: Option<Timestamp>,
    by_client: HashMap<(String, ClientKind), Tally>,
}

/// What one client has asked for in a window.
#[derive(Default)]
struct Tally {
    /// How many requests came here, whatever became of them but those beyond the limit.
    came: u32,
    /// How many of them were paid for.
    paid: u32,
    /// How many the portions were worth that this process has taken.
    owned: u32,
    /// How many were taken by all processes, when this one last looked.
    taken: u32,
    /// Whether there is no portion left.
    is_exhausted: bool,
    /// Held while a portion is being taken, so that requests at the same time wait for one.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What became of an attempt to pay.
enum Payment {
    /// It is paid.
    Done,
    /// There is nothing left in this window.
    Refused,
    /// A portion is to be taken; the lock is held meanwhile. There is none where there is no room for a tally.
    Due(Option<Arc<tokio::sync::Mutex<()>>>),
}

impl Limits {
    /// Counts a request of this client in this process.
    pub(crate) fn take(&self, client: ClientAddress, kind: ClientKind, now: Timestamp) -> Verdict {
        let limit = kind.limit().requests;
        let mut tallies = self.at(now);
        let tally = tallies.of(client, kind);
        let (allowed, used) = tally.map_or((true, 1), |tally| (tally.admit(limit), tally.used()));
        Verdict {
            limit,
            remaining: if allowed { limit.saturating_sub(used) } else { 0 },
            reset: RequestLimit::window_of(now) + RequestLimit::WINDOW,
            allowed,
        }
    }

    /// Pays for a request of this client whose credential was found good.
    ///
    /// # Errors
    /// [`keystead_core::error::Throttle::Requests`].
    pub(crate) async fn pay(
        &self,
        store: &Store,
        client: ClientAddress,
        kind: ClientKind,
        now: Timestamp,
    ) -> Result<()> {
        let refused = || RequestLimit::refusal(now);
        let turn = match self.attempt(client, kind, now) {
            Payment::Done => return Ok(()),
            Payment::Refused => return Err(refused()),
            Payment::Due(turn) => turn,
        };
        let _held = match &turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        // Whoever had the turn before may have taken enough for both.
        match self.attempt(client, kind, now) {
            Payment::Done => return Ok(()),
            Payment::Refused => return Err(refused()),
            Payment::Due(_) => {}
        }
        let who = client.network(Tier::Host);
        let portion = store.rate_limit_take_portion(kind.limit(), &who, now).await?;
        if let Some(tally) = self.at(now).of(client, kind) {
            tally.add(portion, kind.limit());
        }
        portion.map(drop).ok_or_else(refused)
    }

    fn attempt(&self, client: ClientAddress, kind: ClientKind, now: Timestamp) -> Payment {
        self.at(now).of(client, kind).map_or(Payment::Due(None), Tally::attempt)
    }

    fn at(&self, now: Timestamp) -> MutexGuard<'_, Tallies> {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.turn_to(RequestLimit::window_of(now));
        tallies
    }
}

impl Tallies {
    /// Begins this window, unless it is the one that has just ended: a request that came in it may be paid for in the next.
    fn turn_to(&mut self, window: Timestamp) {
        let is_known = |known: Timestamp| known == window || known == window + RequestLimit::WINDOW;
        if !self.window.is_some_and(is_known) {
            self.window = Some(window);
            self.by_client.clear();
        }
    }

    /// The tally of a client, if there is room for it.
    fn of(&mut self, client: ClientAddress, kind: ClientKind) -> Option<&mut Tally> {
        let client = (client.network(Tier::Host), kind);
        let has_room = self.by_client.len() < ADDRESSES;
        if has_room || self.by_client.contains_key(&client) {
            Some(self.by_client.entry(client).or_default())
        } else {
            None
        }
    }
}

impl Tally {
    /// Counts a request, if it is within the limit.
    fn admit(&mut self, limit: u32) -> bool {
        let is_spent = self.is_exhausted && self.paid >= self.owned;
        let allowed = self.came < limit && !is_spent;
        self.came += u32::from(allowed);
        allowed
    }

    /// Pays for a request from what this process has taken.
    fn attempt(&mut self) -> Payment {
        if self.paid < self.owned {
            self.paid += 1;
            Payment::Done
        } else if self.is_exhausted {
            Payment::Refused
        } else {
            Payment::Due(Some(Arc::clone(&self.turn)))
        }
    }

    /// Adds a portion, and pays for one request from it. `None`: there was none left.
    fn add(&mut self, portion: Option<Portion>, limit: RequestLimit) {
        match portion {
            Some(portion) => {
                self.owned += portion.requests;
                self.paid += 1;
                self.taken = self.taken.max(portion.taken);
            }
            None => {
                self.is_exhausted = true;
                self.taken = limit.requests;
            }
        }
    }

    /// How many requests are used up: those that came here, and those that others have taken.
    fn used(&self) -> u32 {
        self.came + self.taken.saturating_sub(self.owned)
    }
}
