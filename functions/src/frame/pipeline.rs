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
    idempotency::{Attempted, NamedRequest},
    limits::ClientKind,
    reply::{Answer, Body},
    request::{Incoming, Parameters},
    signature,
    subject::Subject,
};

/// Answers a request to `E`.
pub(crate) async fn handle<E: Endpoint>(
    cx: &Context,
    incoming: &Incoming,
    source: Source,
    parameters: Parameters,
) -> Answer {
    let refuse = |error: Error| refusal::<E>(cx, &error);
    let (mut fields, unreadable) = match Fields::of(incoming, E::BODY) {
        Ok(fields) => (fields, None),
        // Who is not let in is told that first, unless the body may hold the credential.
        Err(error) if !E::Caller::IN_BODY => (Fields::none(), Some(error)),
        Err(error) => return refuse(error),
    };
    // Out of the fields before anything sees them: a request that is sent again with another nonce is the same request,
    // and its answer is kept without a signature.
    let question = if E::Face::SIGNS { fields.question() } else { Ok(None) };
    let question = match question {
        Ok(question) => question,
        Err(error) => return refuse(error),
    };
    let with_body = match &incoming.body {
        RequestBody::Stream(body) => Some(cx.with_body(body.clone())),
        RequestBody::Whole(_) | RequestBody::TooLong => None,
    };
    let cx = with_body.as_ref().unwrap_or(cx);
    let mut actor = None;
    let in_path: Vec<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
    let answer = reply::<E>(cx, incoming, source, fields.with(parameters), unreadable, &mut actor).await;
    let answer = match answer {
        // What can be no id is the id of nothing.
        Err(Error::Invalid(InvalidRequest::Field { field, .. }))
            if E::Face::FINDS_BY_PATH && in_path.contains(&field) =>
        {
            Err(Error::NotFound(Noun::Record))
        }
        other => other,
    };
    let answer = Answer {
        actor,
        ..answer.unwrap_or_else(refuse)
    };
    match question {
        Some(question) => signature::sign(cx, answer, question, path(E::ROUTE)).unwrap_or_else(refuse),
        None => answer,
    }
}

/// Answers a request with these fields, or with a body that is `unreadable`, and why. `actor` becomes who asks, as the log
/// names them, also of what is refused afterwards.
async fn reply<E: Endpoint>(
    cx: &Context,
    incoming: &Incoming,
    source: Source,
    mut fields: Fields,
    unreadable: Option<Error>,
    actor: &mut Option<String>,
) -> Result<Answer> {
    if E::Caller::IN_COOKIE && browser::shows_session(incoming) || E::Face::SETS_COOKIES && !E::Caller::IN_COOKIE {
        browser::guard(incoming, &cx.config)?;
    }
    let shown = E::Caller::shown(incoming, &mut fields)?;
    let named = if E::WRITES && unreadable.is_none() {
        NamedRequest::of(incoming, &fields, E::NAME)?
    } else {
        None
    };
    let (fields, respelled) = fields.respelled(E::REQUIRED);
    let written = fields.license_key();
    let token = fields.text("token");
    let request = match unreadable {
        Some(error) => Err(error),
        None => parsed::<E>(cx, fields),
    };

    let client = source.address;
    if E::Caller::GUESSES_COUNT {
        cx.failures.check(client, cx.clock.now())?;
    }
    let request = match request {
        Ok(request) if E::Caller::PROVEN_BY_SUBJECT => match cx.misses.check(client, cx.clock.now()) {
            // Whoever else misses behind the same address keeps out no machine whose key is proven by a token of ours.
            Err(_) if is_proven(cx, written.as_ref(), token.as_deref()).await => Ok(request),
            checked => checked.map(|()| request),
        },
        other => other,
    };
    let is_known = E::Caller::is_known(cx, &shown);
    let from = source.clone();
    let (authenticated, asked) = {
        let check = async {
            let authenticated = E::Caller::check(cx, shown, source).await?;
            let admitted = admitted::<E>(cx, &authenticated.caller, client, incoming).await;
            Ok((authenticated, admitted))
        };
        let asked = async {
            let request = request?;
            let request = match (&respelled, &written) {
                (Some(respelled), Some(written)) if E::Caller::PROVEN_BY_SUBJECT => {
                    spelled::<E>(cx, request, written, respelled).await?
                }
                _ => request,
            };
            asked::<E>(cx, request, &from).await
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
    if E::Caller::GUESSES_COUNT {
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

    let named = named.as_ref().map(|named| (named, credential.as_str()));
    if E::Caller::PROVEN_BY_SUBJECT {
        let answer = answered::<E>(cx, caller, asked, named).await;
        match &answer {
            Ok(_) => cx.misses.note_success(client, cx.clock.now()),
            Err(Error::NotFound(Noun::License)) => cx.misses.note(client, cx.clock.now()),
            Err(_) => {}
        }
        return answer;
    }
    let call = async |cx: &Context| {
        let Some(respelled) = respelled else {
            return answered::<E>(cx, caller, asked, None).await;
        };
        // Exactly as it is written, it may be a key from elsewhere.
        let answer = answered::<E>(cx, caller.clone(), asked, None).await;
        if let Err(Error::NotFound(Noun::License)) = answer {
            let request = parsed::<E>(cx, respelled)?;
            return answered::<E>(cx, caller, self::asked::<E>(cx, request, &from).await, None).await;
        }
        answer
    };
    once::<E>(cx, named, call).await
}

/// Checks that a caller whose credential is good may ask this at all, and this often.
async fn admitted<E: Endpoint>(
    cx: &Context,
    caller: &E::Caller,
    client: ClientAddress,
    incoming: &Incoming,
) -> Result<()> {
    match E::NEEDS {
        Needs::Permission(permission) if !caller.permits(permission) => {
            return Err(Error::Forbidden(Restriction::Permission(permission)));
        }
        // A role is one in the team of the subject's owner, who is not known yet.
        Needs::Permission(_) | Needs::Role(_) | Needs::Nothing => {}
    }
    let pays = const {
        // Who shows nothing, or what is not known to be good yet, causes no write here.
        E::Face::LIMITS && !matches!(E::Caller::KIND, CallerKind::Anyone) && !E::Caller::PROVEN_BY_SUBJECT
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
async fn spelled<E: Endpoint>(
    cx: &Context,
    request: E::Request,
    written: &LicenseKey,
    respelled: &Fields,
) -> Result<E::Request> {
    let ours = respelled.license_key();
    let ours = async {
        match &ours {
            Some(ours) => cx.store.license_get_unscoped(ours).await,
            None => Ok(None),
        }
    };
    match tokio::try_join!(cx.store.license_get_unscoped(written), ours)? {
        (Some(_), _) => Ok(request),
        (None, Some(_)) => parsed::<E>(cx, respelled.clone()),
        (None, None) => Err(Error::NotFound(Noun::License)),
    }
}

/// Carries a request out, unless it is named and was carried out before.
async fn once<E: Endpoint>(
    cx: &Context,
    named: Option<(&NamedRequest, &str)>,
    call: impl AsyncFnOnce(&Context) -> Result<Answer>,
) -> Result<Answer> {
    let Some((named, credential)) = named else {
        return call(cx).await;
    };
    match named.begin(cx, credential).await? {
        Attempted::Now(attempt) => {
            let answer = call(&attempt.context(cx)).await;
            let answer = answer.unwrap_or_else(|error| refusal::<E>(cx, &error));
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

/// The request in these fields.
fn parsed<E: Endpoint>(cx: &Context, fields: Fields) -> Result<E::Request> {
    let request = fields.parse(E::REQUIRED)?;
    E::check(cx, &request)?;
    Ok(request)
}

/// What was read for a request beside the authentication.
type Asked<E> = Result<(
    <E as Endpoint>::Request,
    <<E as Endpoint>::Subject as Subject<<E as Endpoint>::Request, <E as Endpoint>::Caller>>::Prefetched,
)>;

async fn asked<E: Endpoint>(cx: &Context, request: E::Request, source: &Source) -> Asked<E> {
    let prefetched = <E::Subject as Subject<_, _>>::prefetch(cx, &request, source).await;
    prefetched.map(|prefetched| (request, prefetched))
}

/// Loads the subject, checks the caller's role, calls and replies: once, if the request is `named` and its credential is found
/// good only now.
async fn answered<E: Endpoint>(
    cx: &Context,
    caller: E::Caller,
    asked: Asked<E>,
    named: Option<(&NamedRequest, &str)>,
) -> Result<Answer> {
    let (request, prefetched) = asked?;
    let subject = E::Subject::admit(cx, &caller, &request, prefetched).await?;
    match E::NEEDS {
        Needs::Role(role) => {
            if let Some(own) = <E::Subject as Subject<E::Request, E::Caller>>::role(&subject) {
                own.require(role)?;
            } else {
                let owner = <E::Subject as Subject<E::Request, E::Caller>>::owner(&subject);
                let owner = owner.ok_or(Error::Forbidden(Restriction::Role))?;
                caller.require(cx, owner, role).await?;
            }
        }
        // A permission was checked before the subject was looked at.
        Needs::Permission(_) | Needs::Nothing => {}
    }
    once::<E>(cx, named, async |cx: &Context| {
        let reply = E::call(cx, caller, request, subject).await?;
        good::<E>(cx, &reply)
    })
    .await
}

/// Whether a browser's cookie speaks for requests, or is set by them.
pub(crate) const fn goes_by_cookie<E: Endpoint>() -> bool {
    E::Face::SETS_COOKIES || E::Caller::IN_COOKIE
}

fn good<E: Endpoint>(cx: &Context, reply: &E::Reply) -> Result<Answer> {
    let head = E::head(cx, reply);
    Ok(Answer {
        cookies: head.cookies,
        cache: E::CACHE,
        content_type: E::Reply::CONTENT_TYPE,
        ..Answer::new(head.status, E::Face::wrap(reply.to_bytes()?))
    })
}

fn refusal<E: Endpoint>(cx: &Context, error: &Error) -> Answer {
    Answer::refusing(error, E::Face::refuse(error), cx.clock.now())
}
