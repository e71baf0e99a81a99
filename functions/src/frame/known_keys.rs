//! API keys that were found good in this process lately.
//!
//! What a request is about can be read beside its credential, in one round, but strangers must not cost more than the look for
//! their credential. So it is read at once for keys that this process knows, and afterwards for others. Whether a key is good is
//! looked up for every request all the same.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use keystead_core::owner::api_key::KeyHash;

/// How many are remembered at once. Beyond that all are forgotten: each costs its next request one round.
const MOST: usize = 1000;

/// Keys that were found good; one a process. Clones share it.
#[derive(Clone, Default)]
pub struct KnownKeys(Arc<Mutex<HashSet<KeyHash>>>);

impl KnownKeys {
    /// Whether a key was found good.
    pub(crate) fn contains(&self, key: &KeyHash) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// Remembers a key that was found good.
    pub(crate) fn insert(&self, key: &KeyHash) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key.clone());
    }

    /// Forgets a key that was found to be good no more.
    pub(crate) fn remove(&self, key: &KeyHash) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
