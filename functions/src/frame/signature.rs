//! Signed answers: by its signature a client knows that an answer is ours, and is to what it has just asked.

use keystead_core::{
    Error, Result,
    signing::signed_answer::{AnswerClaims, Question},
};

use crate::frame::{
    context::Context,
    reply::{Answer, Cache},
};

/// `answer` with a `signature` for the client that asked `question` at `path`.
pub(crate) fn sign(cx: &Context, mut answer: Answer, question: Question, path: &'static str) -> Result<Answer> {
    let fields = serde_json::from_slice(&answer.body).map_err(Error::internal)?;
    let claims = AnswerClaims::new(question, path, answer.status.as_u16(), &fields, cx.clock.now())?;
    let signature = cx.keys.sign_answer(&claims)?;
    // Before the closing brace, so that the fields stay as they are.
    answer.body.pop();
    let comma = if fields.is_empty() { "" } else { "," };
    answer
        .body
        .extend_from_slice(format!(r#"{comma}"signature":"{signature}"}}"#).as_bytes());
    // It is for the client that sent the nonce.
    answer.cache = Cache::Never;
    Ok(answer)
}
