//! Storms: many callers at once, through the whole pipeline and real expressions.
//!
//! Every call of DynamoDB is a point at which the others go on, and every seed interleaves them another way.

use std::{ops::Range, pin::Pin};

use keystead_core::config;
use tokio::task::JoinSet;

use crate::{Answer, TestApp, TestLicense};

/// How many callers a storm has.
pub const CALLERS: usize = 64;

/// The seeds of a storm that is interleaved `ways` ways; `KEYSTEAD_STORMS=10` runs ten times as many.
pub fn seeds(ways: u64) -> Range<u64> {
    let factor = config::variable("KEYSTEAD_STORMS").and_then(|factor| factor.parse::<u64>().ok());
    0..ways * factor.unwrap_or(1)
}

/// What one caller of a storm does.
pub type Caller<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Boxes a caller, so that different ones fit in one storm.
pub fn caller<T>(story: impl Future<Output = T> + Send + 'static) -> Caller<T> {
    Box::pin(story)
}

/// Runs `callers` at once, and answers what came of each, in the order in which they ended.
pub async fn at_once<T: Send + 'static>(callers: impl IntoIterator<Item = Caller<T>>) -> Vec<T> {
    let mut storm = JoinSet::new();
    for caller in callers {
        storm.spawn(caller);
    }
    storm.join_all().await
}

/// A service whose requests interleave by `seed`, and whose keys can be activated any number of times.
pub async fn storm(seed: u64) -> TestApp {
    let app = TestApp::start().await;
    app.faults.without_rate_limit();
    app.faults.seed(seed);
    app
}

/// `POST /activate` by as many machines as there are callers, named after `crowd`.
pub fn crowd(app: &TestApp, license: &TestLicense, crowd: &str, size: usize) -> Vec<Caller<Answer>> {
    let machine = |i| (app.machine(&format!("{crowd}-{i}")), license.clone());
    (0..size)
        .map(machine)
        .map(|(machine, license)| caller(async move { machine.activate(&license).await }))
        .collect()
}
