//! Idempotency: a request that a client names is carried out once, and answered the second time as it was the first.

use http::StatusCode;
use keystead_core::{
    Error, Result,
    request::idempotency::{Attempt, IdempotencyKey, Repeatable, SealedAnswer},
    store::request::idempotency::BeginOutcome,
};

use crate::frame::{context::Context, fields::Fields, reply::Answer, request::Incoming};

/// The header by which a client names a request, so that it may send it again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request that its client has named.
pub(crate) struct NamedRequest {
    key: Option<IdempotencyKey>,
    operation: &'static str,
    /// What tells it from another request under the same name.
    asked: Vec<u8>,
}

/// What becomes of it.
pub(crate) enum Attempted {
    /// It is to be carried out.
    Now(Box<Execution>),
    /// It was carried out before, and answered so.
    Before(Answer),
}

/// A request that is being carried out, maybe for the second time: the first may have been cut off.
pub(crate) struct Execution {
    repeatable: Repeatable,
    attempt: Attempt,
}

impl NamedRequest {
    /// The request, if it is named.
    pub(crate) fn of(incoming: &Incoming, fields: &Fields, operation: &'static str) -> Result<Option<Self>> {
        if !incoming.headers.contains_key(IDEMPOTENCY_KEY) {
            return Ok(None);
        }
        Ok(Some(Self {
            key: incoming.header(IDEMPOTENCY_KEY).and_then(IdempotencyKey::parse),
            operation,
            asked: fields.to_bytes()?,
        }))
    }

    /// Begins to carry it out, for the holder of `credential`.
    pub(crate) async fn begin(&self, cx: &Context, credential: &str) -> Result<Attempted> {
        let key = self.key.as_ref();
        let key = key.ok_or_else(|| Error::field("Idempotency-Key", "1 to 255 printable ASCII characters"))?;
        let repeatable = Repeatable::new(credential, key, self.operation, &self.asked);
        let begun = repeatable.begin(&cx.ids, cx.clock.now())?;
        match cx.store.attempt_begin(begun, &cx.clock).await? {
            BeginOutcome::Now(attempt) => Ok(Attempted::Now(Box::new(Execution { repeatable, attempt }))),
            BeginOutcome::Before(attempt, answer) => replay(&repeatable, &attempt, &answer).map(Attempted::Before),
        }
    }
}

impl Execution {
    /// What it is carried out with.
    pub(crate) fn context(&self, cx: &Context) -> Context {
        cx.of_attempt(&self.repeatable, &self.attempt)
    }

    /// Keeps the answer, unless it asks to come again.
    pub(crate) async fn finish(self, cx: &Context, mut answer: Answer) -> Result<Answer> {
        let kept = if answer.is_final() {
            let sealed = self
                .repeatable
                .seal(&self.attempt, answer.status.as_u16(), &answer.body)?;
            cx.store.attempt_finish(&self.attempt, &sealed).await
        } else {
            cx.store.attempt_release(&self.attempt).await
        };
        if let Err(Error::Internal(cause)) = kept {
            // **Best effort**: what was asked for is done, and would be done as it was, should it be asked for again.
            answer
                .cause
                .get_or_insert(format!("the answer could not be kept: {cause}"));
        }
        Ok(answer)
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
