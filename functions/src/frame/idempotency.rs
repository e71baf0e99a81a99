//! Idempotency: a request that a client names is carried out once, and answered the second time as it was the first.
//!
//! It is behind trait objects, so that the functions of endpoints that change nothing have no code for it.

use futures_util::future::BoxFuture;
use http::StatusCode;
use keystead_core::{
    Error, Result,
    request::idempotency::{Attempt, IdempotencyKey, Repeatable, SealedAnswer},
    store::request::idempotency::BeginOutcome,
};

use crate::frame::{context::Context, fields::Fields, reply::Answer, request::Incoming};

/// The header by which a client names a request, so that it may send it again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Looks whether a request is named, of an endpoint with this name.
pub(crate) type FindName = fn(&Incoming, &Fields, &'static str) -> Result<Option<Box<dyn Named>>>;

/// A request that its client has named.
pub(crate) trait Named: Send + Sync {
    /// Begins to carry it out, for the holder of `credential`.
    fn begin<'a>(&'a self, cx: &'a Context, credential: &'a str) -> BoxFuture<'a, Result<Attempted>>;
}

/// A request that is being carried out, maybe for the second time: the first may have been cut off.
pub(crate) trait Executed: Send + Sync {
    /// What it is carried out with.
    fn context(&self, cx: &Context) -> Context;

    /// Keeps the answer, unless it asks to come again.
    fn finish<'a>(self: Box<Self>, cx: &'a Context, answer: Answer) -> BoxFuture<'a, Result<Answer>>;
}

struct NamedRequest {
    key: Option<IdempotencyKey>,
    operation: &'static str,
    /// What tells it from another request under the same name.
    asked: Vec<u8>,
}

/// What becomes of it.
pub(crate) enum Attempted {
    /// It is to be carried out.
    Now(Box<dyn Executed>),
    /// It was carried out before, and answered so.
    Before(Answer),
}

struct Execution {
    repeatable: Repeatable,
    attempt: Attempt,
}

/// [`FindName`] of endpoints that change something.
pub(crate) fn named(incoming: &Incoming, fields: &Fields, operation: &'static str) -> Result<Option<Box<dyn Named>>> {
    if !incoming.headers.contains_key(IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    Ok(Some(Box::new(NamedRequest {
        key: incoming.header(IDEMPOTENCY_KEY).and_then(IdempotencyKey::parse),
        operation,
        asked: fields.to_bytes()?,
    })))
}

impl Named for NamedRequest {
    fn begin<'a>(&'a self, cx: &'a Context, credential: &'a str) -> BoxFuture<'a, Result<Attempted>> {
        Box::pin(async move {
            let key = self.key.as_ref();
            let key = key.ok_or_else(|| Error::field("Idempotency-Key", "1 to 255 printable ASCII characters"))?;
            let repeatable = Repeatable::new(credential, key, self.operation, &self.asked);
            let begun = repeatable.begin(&cx.ids, cx.clock.now())?;
            match cx.store.attempt_begin(begun, &cx.clock).await? {
                BeginOutcome::Now(attempt) => Ok(Attempted::Now(Box::new(Execution { repeatable, attempt }))),
                BeginOutcome::Before(attempt, answer) => replay(&repeatable, &attempt, &answer).map(Attempted::Before),
            }
        })
    }
}

impl Executed for Execution {
    fn context(&self, cx: &Context) -> Context {
        cx.of_attempt(&self.repeatable, &self.attempt)
    }

    fn finish<'a>(self: Box<Self>, cx: &'a Context, mut answer: Answer) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let kept = if answer.is_final() {
                let sealed = self
                    .repeatable
                    .seal(&self.attempt, answer.status.as_u16(), &answer.body)?;
                cx.store.attempt_finish(&self.attempt, &sealed).await
            } else {
                cx.store.attempt_release(&self.attempt).await
            };
            if let Err(Error::Internal(cause)) = kept {
                // **Best effort**: the request is carried out. A retry carries it out again, with the same result.
                answer
                    .cause
                    .get_or_insert(format!("the answer could not be kept: {cause}"));
            }
            Ok(answer)
        })
    }
}

/// The answer that the same request got before.
fn replay(repeatable: &Repeatable, attempt: &Attempt, answer: &SealedAnswer) -> Result<Answer> {
    let status = StatusCode::from_u16(answer.status).map_err(Error::internal)?;
    Ok(Answer {
        replayed: true,
        ..Answer::new(status, repeatable.open(attempt, answer)?)
    })
}
