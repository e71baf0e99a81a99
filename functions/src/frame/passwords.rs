//! Where passwords are tried: a few at a time, so that who sends many exhausts neither memory nor processors.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use keystead_core::{
    Error, Result, Timestamp,
    account::password::{Hashing, Password, PasswordHash},
    error::Throttle,
};
use tokio::sync::Semaphore;

/// How many passwords are hashed at once. Each takes a processor and 19 MiB.
pub const AT_ONCE: usize = 2;

/// How many requests may wait for that, or be at it: a few seconds' work. Others are told to come again.
const WAITING: usize = 64;

/// Where passwords are tried; one a process. Clones share it.
#[derive(Clone)]
pub struct Passwords {
    hashing: Hashing,
    room: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    at_work: Arc<HighWater>,
}

/// How many there are, and the most that there ever were.
#[derive(Default)]
struct HighWater {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Passwords {
    /// A place where a hash costs this.
    pub fn new(hashing: Hashing) -> Self {
        Self {
            hashing,
            room: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(WAITING)),
            at_work: Arc::default(),
        }
    }

    /// How many passwords were hashed at once, at most, so far.
    pub fn most_at_once(&self) -> usize {
        self.at_work.most.load(Ordering::SeqCst)
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// [`Throttle::Busy`], [`Error::Internal`].
    pub(crate) async fn hash(&self, password: Password, salt: [u8; 16], now: Timestamp) -> Result<PasswordHash> {
        let hashing = self.hashing;
        self.at_work(now, move || PasswordHash::of(&password, &salt, hashing))
            .await?
    }

    /// Whether `password` is that of `known`. Costs the same when there is no account to know one of, so that the time it
    /// takes tells nobody whether there is.
    ///
    /// # Errors
    /// As for [`Passwords::hash`].
    pub(crate) async fn matches(
        &self,
        password: Password,
        known: Option<PasswordHash>,
        now: Timestamp,
    ) -> Result<bool> {
        let hashing = self.hashing;
        self.at_work(now, move || match known {
            Some(known) => Ok(known.matches(&password)),
            None => PasswordHash::of(&password, &[0; 16], hashing).map(|_| false),
        })
        .await?
    }

    async fn at_work<T: Send + 'static>(&self, now: Timestamp, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || Error::Throttled {
            by: Throttle::Busy,
            retry_at: now,
        };
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        let admitted = Arc::clone(&self.room).acquire_owned().await.map_err(|_| busy())?;
        // The permits go along: the work goes on when its client has left, and takes its room as long as it does.
        let at_work = Arc::clone(&self.at_work);
        let work = move || {
            let now = at_work.now.fetch_add(1, Ordering::SeqCst) + 1;
            at_work.most.fetch_max(now, Ordering::SeqCst);
            let done = work();
            at_work.now.fetch_sub(1, Ordering::SeqCst);
            drop((queued, admitted));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}
