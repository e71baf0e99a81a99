//! Requests that may be sent again.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::ReturnValuesOnConditionCheckFailure,
};

use crate::{
    Error, Result,
    clock::Clock,
    error::Conflict,
    request::idempotency::{Attempt, LONGEST_REQUEST, SealedAnswer},
    store::{Store, decode, encode, number, schema, text, unexpected},
};

/// What became of a request that was named with a key.
pub enum Begun {
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
    /// when the other takes too long; [`Error::Internal`].
    pub async fn attempt_begin(&self, new: Attempt, clock: &Clock) -> Result<Begun> {
        let outcome = self
            .client
            .put_item()
            .table_name(self.table(&schema::IDEMPOTENCY))
            .set_item(Some(encode(&new)?))
            // One that was to be forgotten may still be there.
            .condition_expression("attribute_not_exists(requestId) OR expiresAt <= :now")
            .expression_attribute_values(":now", number(clock.now().seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = outcome else {
            return Ok(Begun::Now(new));
        };
        let mut found: Option<Attempt> = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                refused.item.clone().map(decode).transpose()?
            }
            Some(_) | None => return Err(unexpected(error)),
        };
        for look in 0..LOOKS {
            let other = found.ok_or(Error::Conflict(Conflict::RequestInProgress))?;
            // The reply to this very write was lost, and the SDK sent it again.
            if other.salt == new.salt {
                return Ok(Begun::Now(new));
            }
            if other.asked != new.asked {
                return Err(Error::Conflict(Conflict::IdempotencyKeyReused));
            }
            if let Some(answer) = other.answer.clone() {
                return Ok(Begun::Before(other, answer));
            }
            if other.held_until <= clock.now() {
                if let Some(attempt) = self.attempt_take_over(other, clock).await? {
                    return Ok(Begun::Now(attempt));
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
        let took = self.hold(&dead, &mine).await?;
        Ok(took.then_some(mine))
    }

    /// Lets go of an attempt that came to nothing, so that the request can be made again at once.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn attempt_release(&self, attempt: &Attempt) -> Result<()> {
        let let_go = Attempt {
            held_until: attempt.began_at,
            ..attempt.clone()
        };
        self.hold(attempt, &let_go).await.map(drop)
    }

    /// Changes until when an attempt is held, if it still is as it `was`. Answers whether it did.
    async fn hold(&self, was: &Attempt, held: &Attempt) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(self.table(&schema::IDEMPOTENCY))
            .set_key(Some(schema::IDEMPOTENCY.key(&was.request_id, None)))
            .update_expression("SET heldUntil = :until")
            // Of two that take over at once, one does.
            .condition_expression("heldUntil = :was AND attribute_not_exists(answer)")
            .expression_attribute_values(":until", text(held.held_until))
            .expression_attribute_values(":was", text(was.held_until))
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                Some(_) | None => Err(unexpected(error)),
            },
        }
    }

    /// Keeps the answer of an attempt, unless another has taken it over.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn attempt_finish(&self, attempt: &Attempt, answer: &SealedAnswer) -> Result<()> {
        let answer = serde_dynamo::to_attribute_value(answer).map_err(Error::internal)?;
        let outcome = self
            .client
            .update_item()
            .table_name(self.table(&schema::IDEMPOTENCY))
            .set_key(Some(schema::IDEMPOTENCY.key(&attempt.request_id, None)))
            .update_expression("SET answer = :answer")
            .condition_expression("heldUntil = :held AND attribute_not_exists(answer)")
            .expression_attribute_values(":answer", answer)
            .expression_attribute_values(":held", text(attempt.held_until))
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                Some(_) | None => Err(unexpected(error)),
            },
        }
    }
}
