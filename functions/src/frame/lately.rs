//! What was found good in this process lately: API keys, and members of teams.
//!
//! What a request is about can be read beside its credential, in one round, but strangers must not cost more than the look for
//! their credential. So it is read at once for who this process knows, and afterwards for others. Whether they are good is
//! looked up for every request all the same.

use std::{
    collections::HashSet,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// How many are remembered at once. Beyond that all are forgotten: each costs its next request one round.
const MOST: usize = 1000;

/// What was found good; one a process. Clones share it.
#[derive(Clone)]
pub struct Lately<T>(Arc<Mutex<HashSet<T>>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Eq + Hash> Lately<T> {
    /// Whether it was found good.
    pub(crate) fn contains(&self, known: &T) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(known)
    }

    /// Remembers what was found good.
    pub(crate) fn insert(&self, found: &T) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(found.clone());
    }

    /// Forgets what was found to be good no more.
    pub(crate) fn remove(&self, gone: &T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(gone);
    }
}
