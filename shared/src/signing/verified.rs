//! A cache of what was verified: an application shows the same token all day, and checking its signature is most of what a
//! validation costs.
//!
//! **Invariant**: only what was verified goes in, by the digest of all of it. The cache is a key ring's own, so that it is gone
//! with a ring that trusted a key which was revoked. It tells that a signature is good and nothing else: expiry, and what the
//! token is about, are looked at each time.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

/// How many digests a generation holds, some 200 KB.
const GENERATION: usize = 4096;

type Digest = [u8; 32];

/// Texts whose signature was found good, by their digests.
#[derive(Default)]
pub(super) struct Verified(Mutex<Generations>);

/// Two generations, which forget what was not shown for long without keeping an order: when the young one is full, it becomes
/// the old one, and what was the old one is dropped.
#[derive(Default)]
struct Generations {
    young: HashSet<Digest>,
    old: HashSet<Digest>,
}

impl Verified {
    /// Whether `signed` was verified before, or else `verifies` now.
    pub(super) fn or_else(&self, signed: &str, verifies: impl FnOnce() -> bool) -> bool {
        let digest: Digest = Sha256::digest(signed).into();
        // The lock is not held while a signature is checked.
        if self.recalls(&digest) {
            return true;
        }
        if !verifies() {
            return false;
        }
        self.lock().add(digest);
        true
    }

    fn recalls(&self, digest: &Digest) -> bool {
        let mut known = self.lock();
        if known.young.contains(digest) {
            return true;
        }
        let is_known = known.old.remove(digest);
        if is_known {
            known.add(*digest);
        }
        is_known
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn add(&mut self, digest: Digest) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_good_is_verified_once_and_what_is_not_each_time() {
        let verified = Verified::default();
        assert!(!verified.or_else("a token", || false));
        assert!(verified.or_else("a token", || true), "it was not kept as good");
        assert!(verified.or_else("a token", || false), "and now it is known");
        assert!(!verified.or_else("a token.", || false), "another is another");
    }

    #[test]
    fn what_is_shown_again_and_again_stays_and_the_cache_stays_small() {
        let verified = Verified::default();
        assert!(verified.or_else("0", || true));
        for number in 1..5 * GENERATION {
            verified.or_else(&number.to_string(), || true);
            assert!(verified.or_else("0", || false), "after {number} others");
        }
        let known = verified.lock();
        assert!(known.young.len() + known.old.len() <= 2 * GENERATION);
    }
}
