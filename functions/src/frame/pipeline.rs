//! What happens to every request: read, authenticate, load the subject, check, call, reply, sign.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::{Credential, Noun, Restriction},
    license::key::LicenseKey,
    request::client_address::ClientAddress,
    signing::token::Token,
};

use crate::frame::{
    body::RequestBody,
    browser,
    callers::{self, Authenticated, Caller, CallerKind, Source},
    context::Context,
    endpoint::{Endpoint, Needs, path},
    face::Face,
    fields::Fields,
    idempotency::{Attempted, Named},
    limits::ClientKind,
    reply::Answer,
    request::{Incoming, Parameters},
    signature,
    steps::{Parse, Parsed, Prefetched, Steps},
};

/// Answers a request to `E`.
pub(crate) async fn handle<E: Endpoint>(
    cx: &Context,
    incoming: &Incoming,
    source: Source,
    parameters: Parameters,
) -> Answer {
    let steps = const { &Steps::of::<E>() };
    answer::<E::Caller, E::Face>(steps, cx, incoming, source, parameters).await
}

async fn answer<C: Caller, F: Face>(
    steps: &Steps<C>,
    cx: &Context,
    incoming: &Incoming,
    mut source: Source,
    parameters: Parameters,
) -> Answer {
    let refuse = |error: Error| refusal::<F>(cx, &error);
    let (mut fields, unreadable) = match Fields::of(incoming, steps.body) {
        Ok(fields) => (fields, None),
        // Who is not let in is told that first, unless the body may hold the credential.
        Err(error) if !C::IN_BODY => (Fields::none(), Some(error)),
        Err(error) => return refuse(error),
    };
    // Out of the fields before anything sees them: a request that is sent again with another nonce is the same request,
    // and its answer is kept without a signature.
    let question = if F::SIGNS { fields.question() } else { Ok(None) };
    let question = match question {
        Ok(question) => question,
        Err(error) => return refuse(error),
    };
    let with_body = match &incoming.body {
        RequestBody::Stream(body) => Some(cx.with_body(body.clone())),
        RequestBody::Whole(_) | RequestBody::TooLong => None,
    };
    let cx = with_body.as_ref().unwrap_or(cx);
    source.wants_signature = question.is_some();
    let mut actor = None;
    let in_path: Vec<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
    let answer = reply::<C, F>(
        steps,
        cx,
        incoming,
        source,
        fields.with(parameters),
        unreadable,
        &mut actor,
    )
    .await;
    let answer = match answer {
        // What can be no id is the id of nothing.
        Err(Error::Invalid(InvalidRequest::Field { field, .. })) if F::FINDS_BY_PATH && in_path.contains(&field) => {
            Err(Error::NotFound(Noun::Record))
        }
        other => other,
    };
    let answer = Answer {
        actor,
        ..answer.unwrap_or_else(refuse)
    };
    match question {
        Some(question) => signature::sign(cx, answer, question, path(steps.route)).unwrap_or_else(refuse),
        None => answer,
    }
}

/// Answers a request with these fields, or with a body that is `unreadable`, and why. `actor` becomes who asks, as the log
/// names them, also of what is refused afterwards.
async fn reply<C: Caller, F: Face>(
    steps: &Steps<C>,
    cx: &Context,
    incoming: &Incoming,
    source: Source,
    mut fields: Fields,
    unreadable: Option<Error>,
    actor: &mut Option<String>,
) -> Result<Answer> {
    if C::IN_COOKIE && browser::shows_session(incoming) || F::SETS_COOKIES && !C::IN_COOKIE {
        browser::guard(incoming, &cx.config)?;
    }
    let Steps { parse, needs, .. } = *steps;
    let shown = C::shown(incoming, &mut fields)?;
    let named = match steps.find_name {
        Some(find) if unreadable.is_none() => find(incoming, &fields, steps.name)?,
        Some(_) | None => None,
    };
    let (fields, respelled) = fields.respelled(steps.required);
    let written = fields.license_key();
    let token = fields.text("token");
    let request = match unreadable {
        Some(error) => Err(error),
        None => parse(cx, fields),
    };

    let client = source.address;
    if C::GUESSES_COUNT {
        cx.failures.check(client, cx.clock.now())?;
    }
    let request = match request {
        Ok(request) if C::PROVEN_BY_SUBJECT => match cx.misses.check(client, cx.clock.now()) {
            // Whoever else misses behind the same address keeps out no machine whose key is proven by a token of ours.
            Err(_) if is_proven(cx, written.as_ref(), token.as_deref()).await => Ok(request),
            checked => checked.map(|()| request),
        },
        other => other,
    };
    let is_known = C::is_known(cx, &shown);
    let from = source.clone();
    let (authenticated, asked) = {
        let check = async {
            let authenticated = C::check(cx, shown, source).await?;
            let admitted = admitted::<C, F>(cx, needs, &authenticated.caller, client, incoming).await;
            Ok((authenticated, admitted))
        };
        let asked = async {
            let request = request?;
            let request = match (&respelled, &written) {
                (Some(respelled), Some(written)) if C::PROVEN_BY_SUBJECT => {
                    spelled(parse, cx, request, written, respelled).await?
                }
                _ => request,
            };
            request.prefetch(cx, &from).await
        };
        if is_known {
            tokio::join!(check, asked)
        } else {
            match check.await {
                Ok(authenticated) => (Ok(authenticated), asked.await),
                Err(error) => (
                    Err(error),
                    Err(Error::internal("nothing is read for who is not let in")),
                ),
            }
        }
    };
    if C::GUESSES_COUNT {
        match &authenticated {
            Ok(_) => cx.failures.note_success(client, cx.clock.now()),
            Err(Error::Unauthenticated(Credential::Caller)) => cx.failures.note(client, cx.clock.now()),
            Err(_) => {}
        }
    }
    // Who may not ask does not learn what was wrong with the question.
    let (Authenticated { caller, credential }, admitted) = authenticated?;
    *actor = callers::logged(&caller.origin().actor, &credential);
    admitted?;

    let named = named.as_deref().map(|named| (named, credential.as_str()));
    if C::PROVEN_BY_SUBJECT {
        let answer = answered::<C, F>(needs, cx, caller, asked, named).await;
        match &answer {
            Ok(_) => cx.misses.note_success(client, cx.clock.now()),
            Err(Error::NotFound(Noun::License)) => cx.misses.note(client, cx.clock.now()),
            Err(_) => {}
        }
        return answer;
    }
    let call = async |cx: &Context| {
        let Some(respelled) = respelled else {
            return answered::<C, F>(needs, cx, caller, asked, None).await;
        };
        // Exactly as it is written, it may be a key from elsewhere.
        let answer = answered::<C, F>(needs, cx, caller.clone(), asked, None).await;
        if let Err(Error::NotFound(Noun::License)) = answer {
            let request = parse(cx, respelled)?;
            return answered::<C, F>(needs, cx, caller, request.prefetch(cx, &from).await, None).await;
        }
        answer
    };
    once::<F>(cx, named, call).await
}

/// Checks that a caller whose credential is good may ask this at all, and this often.
async fn admitted<C: Caller, F: Face>(
    cx: &Context,
    needs: Needs,
    caller: &C,
    client: ClientAddress,
    incoming: &Incoming,
) -> Result<()> {
    match needs {
        Needs::Permission(permission) if !caller.permits(permission) => {
            return Err(Error::Forbidden(Restriction::Permission(permission)));
        }
        // A role is one in the team of the subject's owner, who is not known yet.
        Needs::Permission(_) | Needs::Role(_) | Needs::Nothing => {}
    }
    let pays = const {
        // Who shows nothing, or what is not known to be good yet, causes no write here.
        F::LIMITS && !matches!(C::KIND, CallerKind::Anyone) && !C::PROVEN_BY_SUBJECT
    };
    let paid = async {
        if pays {
            let kind = ClientKind::of(incoming);
            cx.limits.pay(&cx.store, client, kind, cx.clock.now()).await
        } else {
            Ok(())
        }
    };
    let (paid, ()) = tokio::join!(paid, caller.note_use(cx));
    paid
}

/// The request by the spelling of its key that names a license: exactly as it is `written`, it may be a key from elsewhere. The
/// licenses alone are looked at first, so that a key that is none costs no more than two reads however it is spelled.
async fn spelled<C>(
    parse: Parse<C>,
    cx: &Context,
    request: Box<dyn Parsed<C>>,
    written: &LicenseKey,
    respelled: &Fields,
) -> Result<Box<dyn Parsed<C>>> {
    let ours = respelled.license_key();
    let ours = async {
        match &ours {
            Some(ours) => cx.store.license_get_unscoped(ours).await,
            None => Ok(None),
        }
    };
    match tokio::try_join!(cx.store.license_get_unscoped(written), ours)? {
        (Some(_), _) => Ok(request),
        (None, Some(_)) => parse(cx, respelled.clone()),
        (None, None) => Err(Error::NotFound(Noun::License)),
    }
}

/// Carries a request out, unless it is named and was carried out before.
async fn once<F: Face>(
    cx: &Context,
    named: Option<(&dyn Named, &str)>,
    call: impl AsyncFnOnce(&Context) -> Result<Answer>,
) -> Result<Answer> {
    let Some((named, credential)) = named else {
        return call(cx).await;
    };
    match named.begin(cx, credential).await? {
        Attempted::Now(attempt) => {
            let answer = call(&attempt.context(cx)).await;
            let answer = answer.unwrap_or_else(|error| refusal::<F>(cx, &error));
            attempt.finish(cx, answer).await
        }
        Attempted::Before(answer) => Ok(answer),
    }
}

/// Whether a token of ours, still good, says that there is a license with this key.
async fn is_proven(cx: &Context, key: Option<&LicenseKey>, token: Option<&str>) -> bool {
    let Some(token) = token.and_then(Token::parse) else {
        return false;
    };
    let claims = cx.keys.verify(&token, cx.clock.now()).await;
    claims.is_ok_and(|claims| key == Some(&claims.license_key))
}

/// Loads the subject, checks the caller's role, calls and replies: once, if the request is `named` and its credential is found
/// good only now.
async fn answered<C: Caller, F: Face>(
    needs: Needs,
    cx: &Context,
    caller: C,
    asked: Result<Box<dyn Prefetched<C>>>,
    named: Option<(&dyn Named, &str)>,
) -> Result<Answer> {
    let request = asked?.admit(cx, &caller).await?;
    match needs {
        Needs::Role(role) => {
            if let Some(own) = request.role() {
                own.require(role)?;
            } else {
                let owner = request.owner().ok_or(Error::Forbidden(Restriction::Role))?;
                caller.require(cx, owner, role).await?;
            }
        }
        // A permission was checked before the subject was looked at.
        Needs::Permission(_) | Needs::Nothing => {}
    }
    once::<F>(cx, named, async |cx: &Context| request.call(cx, caller).await).await
}

/// Whether a browser's cookie speaks for requests, or is set by them.
pub(crate) const fn goes_by_cookie<E: Endpoint>() -> bool {
    E::Face::SETS_COOKIES || E::Caller::IN_COOKIE
}

fn refusal<F: Face>(cx: &Context, error: &Error) -> Answer {
    Answer::refusing(error, F::refuse(error), cx.clock.now())
}
