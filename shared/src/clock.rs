//! What time it is: the only caller of the system clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::Timestamp;

/// Where a process gets its time from. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The system's time.
    System,
    /// The system's time, moved forward by this many milliseconds: `keystead serve --test-clock`.
    Shifted(Arc<AtomicI64>),
    /// A time in milliseconds that stands still until it is moved: tests.
    Given(Arc<AtomicI64>),
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The system's time, which [`Clock::advance`] can move forward.
    pub fn shiftable() -> Self {
        Self(Source::Shifted(Arc::default()))
    }

    /// A clock that shows `now` until [`Clock::advance`] moves it.
    pub fn given(now: Timestamp) -> Self {
        Self(Source::Given(Arc::new(AtomicI64::new(now.millis()))))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Shifted(shift) => Timestamp::from_millis(system_now().millis() + shift.load(Ordering::SeqCst)),
            Source::Given(now) => Timestamp::from_millis(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves this clock and its clones forward. `false` when it shows the system's time, which can't be moved.
    pub fn advance(&self, by: Duration) -> bool {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        match &self.0 {
            Source::System => false,
            Source::Shifted(time) | Source::Given(time) => {
                time.fetch_add(millis, Ordering::SeqCst);
                true
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system for the time"
)]
fn system_now() -> Timestamp {
    Timestamp::from_millis(chrono::Utc::now().timestamp_millis())
}
