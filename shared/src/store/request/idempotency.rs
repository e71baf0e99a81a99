//! Requests that may be sent again.

use std::time::Duration;

use crate::{
    Error, Result,
    clock::Clock,
    error::Conflict,
    request::idempotency::{Attempt, LONGEST_REQUEST, SealedAnswer},
    store::{
        Store,
        item::{attribute, decode, encode, number, text},
        schema,
        write::{Refusal, UpdateExpression, put, update},
    },
};

/// What became of a request that was named with a key.
pub enum BeginOutcome {
    /// It is to be carried out, as this attempt.
    Now(Attempt),
    /// It was carried out, and this attempt has its answer.
    Before(Attempt, SealedAnswer),
}

/// How often an answer is looked for that another request is about to give, and how long is waited in between: eight
/// seconds in all.
const LOOKS: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
const FIRST_LOOK: Duration = Duration::from_millis(20);

impl Store {
    /// Begins a request, unless it was carried out already. Of two that begin it at once, one waits for the other.
    ///
    /// # Errors
    /// [`Conflict::IdempotencyKeyReused`] when something else was asked for under the key; [`Conflict::RequestInProgress`]
    /// when the other takes too long.
    pub async fn attempt_begin(&self, new: Attempt, clock: &Clock) -> Result<BeginOutcome> {
        let beginning = put(&schema::IDEMPOTENCY, encode(&new)?)
            // One that was to be forgotten may still be there.
            .when(
                "attribute_not_exists(requestId) OR expiresAt <= :now",
                [(":now", number(clock.now().seconds()))],
            );
        let mut found: Option<Attempt> = match self.write_retried("a request", beginning).await? {
            Refusal::None => return Ok(BeginOutcome::Now(new)),
            Refusal::By(found) => found.map(decode).transpose()?,
        };
        for look in 0..LOOKS {
            let other = found.ok_or(Error::Conflict(Conflict::RequestInProgress))?;
            // The reply to this very write was lost, and the SDK sent it again.
            if other.salt == new.salt {
                return Ok(BeginOutcome::Now(new));
            }
            if other.asked != new.asked {
                return Err(Error::Conflict(Conflict::IdempotencyKeyReused));
            }
            if let Some(answer) = other.answer.clone() {
                return Ok(BeginOutcome::Before(other, answer));
            }
            if other.held_until <= clock.now() {
                if let Some(attempt) = self.attempt_take_over(other, clock).await? {
                    return Ok(BeginOutcome::Now(attempt));
                }
            } else {
                tokio::time::sleep(if look == 0 { FIRST_LOOK } else { BETWEEN_LOOKS }).await;
            }
            found = self.get(&schema::IDEMPOTENCY, &new.request_id, None).await?;
        }
        Err(Error::Conflict(Conflict::RequestInProgress))
    }

    /// Takes over from an attempt that died. `None` when another request was faster.
    async fn attempt_take_over(&self, dead: Attempt, clock: &Clock) -> Result<Option<Attempt>> {
        let mine = Attempt {
            held_until: clock.now() + LONGEST_REQUEST,
            ..dead.clone()
        };
        let took = self.attempt_hold(&dead, &mine).await?;
        Ok(took.then_some(mine))
    }

    /// Lets go of an attempt that came to nothing, so that the request can be made again at once.
    pub async fn attempt_release(&self, attempt: &Attempt) -> Result<()> {
        let let_go = Attempt {
            held_until: attempt.began_at,
            ..attempt.clone()
        };
        self.attempt_hold(attempt, &let_go).await.map(drop)
    }

    /// Changes until when an attempt is held, if it still is as it `was`. Answers whether it did.
    async fn attempt_hold(&self, was: &Attempt, held: &Attempt) -> Result<bool> {
        let holding = UpdateExpression::default()
            .set("heldUntil", text(held.held_until))
            // **Race**: of two that take over at once, one does.
            .when(
                "heldUntil = :was AND attribute_not_exists(answer)",
                [(":was", text(was.held_until))],
            );
        let key = schema::IDEMPOTENCY.key(&was.request_id, None);
        let holding = update(&schema::IDEMPOTENCY, key, holding);
        Ok(matches!(self.write_retried("a request", holding).await?, Refusal::None))
    }

    /// Keeps the answer of an attempt, unless another has taken it over.
    pub async fn attempt_finish(&self, attempt: &Attempt, answer: &SealedAnswer) -> Result<()> {
        let finish = UpdateExpression::default().set("answer", attribute(answer)?).when(
            "heldUntil = :held AND attribute_not_exists(answer)",
            [(":held", text(attempt.held_until))],
        );
        let key = schema::IDEMPOTENCY.key(&attempt.request_id, None);
        let finish = update(&schema::IDEMPOTENCY, key, finish);
        self.write_retried("a request", finish).await.map(drop)
    }
}
