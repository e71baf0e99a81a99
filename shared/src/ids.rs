//! Unique ids, keys and random bytes: the only caller of randomness.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ring::{
    aead, hmac,
    rand::{SecureRandom, SystemRandom},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    Error, Result, Timestamp,
    value::text::{is_plain, text_value},
};

text_value!(
    /// Identifies the creation of one record. It is the same when a request is retried after a crash, so that the retry
    /// recognises its own work (idempotency).
    CreationId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl CreationId {
    /// A new one.
    pub fn new(ids: &Ids) -> Result<Self> {
        Ok(Self(ids.uuid_v4()?.to_string()))
    }
}

/// Where a process gets its ids and keys from. Clones share it.
#[derive(Clone, Debug)]
pub struct Ids(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The operating system's random numbers.
    Random(SystemRandom),
    /// A counter: tests, whose answers are then reproducible.
    Counted(Arc<AtomicU64>),
    /// Derived from a secret: a retried request makes the same ids again (idempotency).
    Derived(Arc<Derived>),
}

#[derive(Debug)]
struct Derived {
    secret: hmac::Key,
    count: AtomicU64,
}

impl Ids {
    /// Ids from the operating system's random numbers.
    pub fn random() -> Self {
        Self(Source::Random(SystemRandom::new()))
    }

    /// Ids from a counter that starts at 1. For tests only: anyone can guess them.
    pub fn counted() -> Self {
        Self(Source::Counted(Arc::default()))
    }

    /// Ids that follow from a secret, in the order in which they are asked for.
    pub(crate) fn derived(secret: &[u8; 32]) -> Self {
        Self(Source::Derived(Arc::new(Derived {
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret),
            count: AtomicU64::default(),
        })))
    }

    /// A random UUID: version 4.
    pub fn uuid_v4(&self) -> Result<Uuid> {
        Ok(uuid::Builder::from_random_bytes(self.bytes()?).into_uuid())
    }

    /// A UUID that sorts by when it was made: version 7.
    pub fn uuid_v7(&self, now: Timestamp) -> Result<Uuid> {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()?).into_uuid())
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        match &self.0 {
            Source::Random(random) => {
                random
                    .fill(&mut bytes)
                    .map_err(|_| Error::internal("the operating system gave no random numbers"))?;
            }
            Source::Counted(counter) => {
                let count = counter.fetch_add(1, Ordering::SeqCst) + 1;
                let digits = count.to_be_bytes();
                bytes[N - digits.len()..].copy_from_slice(&digits);
            }
            Source::Derived(derived) => {
                let count = derived.count.fetch_add(1, Ordering::SeqCst);
                let derived = hmac::sign(&derived.secret, &count.to_be_bytes());
                let enough = derived.as_ref().get(..N);
                bytes.copy_from_slice(enough.ok_or(Error::internal("an id is longer than a hash"))?);
            }
        }
        Ok(bytes)
    }
}

/// The UUID v7 of this time that follows from `what`: the same for every caller, and no secret.
pub(crate) fn derived_uuid_v7(at: Timestamp, what: &str) -> Uuid {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&Sha256::digest(what)[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// A random part of `longest`: jitter for the backoff of writes that collided.
pub fn jitter(longest: Duration) -> Duration {
    let mut byte = [0; 1];
    // **Best effort**: without random numbers there is no jitter.
    let share = if SystemRandom::new().fill(&mut byte).is_ok() {
        u32::from(byte[0])
    } else {
        255
    };
    longest * share / 255
}

/// A transaction's idempotency token (`ClientRequestToken`): a UUID, which is as long as DynamoDB takes.
pub(crate) fn request_token() -> Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the operating system gave no random numbers"))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// A cipher's nonce.
pub(crate) fn nonce() -> Result<[u8; aead::NONCE_LEN]> {
    let mut bytes = [0; aead::NONCE_LEN];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the operating system gave no random numbers"))?;
    Ok(bytes)
}

/// One of `choices`, at random; `None` when there are none.
pub(crate) fn pick<T>(choices: &[T]) -> Option<&T> {
    let mut bytes = [0; 2];
    // **Best effort**: without random numbers everybody picks the first.
    let _: Result<(), _> = SystemRandom::new().fill(&mut bytes);
    choices.get(usize::from(u16::from_be_bytes(bytes)) % choices.len().max(1))
}
