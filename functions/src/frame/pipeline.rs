//! What happens to every request: authenticate, parse, call, reply, sign.

use bytes::Bytes;
use http::{Method, StatusCode};
use keystead_core::{
    Error, Result,
    audit::Origin,
    error::{Credential, Restriction},
    event::{Actor, ActorKind, UserAgent},
    owner::{Scope, api_key::RawApiKey},
    request::idempotency::{Attempt, IdempotencyKey, Repeatable, SealedAnswer},
    signing::{
        account_token::{AccountToken, Purpose},
        signed_answer::{AnswerClaims, Question},
    },
    store::request::idempotency::BeginOutcome,
};

use crate::frame::{
    context::Context,
    endpoint::{self, Auth, Caller, Endpoint, SignedIn, goes_by_cookie},
    face::Face,
    fields::{self, Fields},
    reply::{Answer, Body, Cache, Head, JSON},
    request::{Incoming, Parameters},
};

/// Answers a request to `E`.
pub(crate) async fn handle<E: Endpoint>(cx: &Context, incoming: &Incoming, parameters: Parameters) -> Answer {
    let refuse = |error: Error| Answer::refusal::<E>(cx, &error);
    let (mut fields, unreadable) = match Fields::of(incoming) {
        Ok(fields) => (fields, None),
        // Who is not signed in is told that first. Elsewhere the body may hold the credential.
        Err(error) if E::AUTH == Auth::Login => (Fields::none(), Some(error)),
        Err(error) => return refuse(error),
    };
    // Out of the fields before anything sees them: a request that is sent again with another nonce is the same request,
    // and its answer is kept without a signature.
    let question = if E::Face::SIGNS { fields.question() } else { Ok(None) };
    let question = match question {
        Ok(question) => question,
        Err(error) => return refuse(error),
    };
    let answer = reply::<E>(cx, incoming, fields.with(parameters), unreadable).await;
    let answer = answer.unwrap_or_else(refuse);
    match question {
        Some(question) => answer.signed::<E>(cx, question).unwrap_or_else(refuse),
        None => answer,
    }
}

/// Answers a request with these fields, or with a body that is `unreadable`, and why.
async fn reply<E: Endpoint>(
    cx: &Context,
    incoming: &Incoming,
    mut fields: Fields,
    unreadable: Option<Error>,
) -> Result<Answer> {
    // A form of a foreign page, which the browser goes to, could sign its user in to an account that is not theirs.
    let is_form = incoming.method == Method::POST && incoming.header("sec-fetch-mode") == Some("navigate");
    if is_form && goes_by_cookie(E::Face::SETS_COOKIES, E::AUTH) {
        return Err(Error::Forbidden(Restriction::Role));
    }
    let credential = Shown::shown(E::AUTH, incoming, &mut fields)?;
    let asked = if E::WRITES && unreadable.is_none() && incoming.headers.contains_key(IDEMPOTENCY_KEY) {
        Some(fields.to_bytes()?)
    } else {
        None
    };
    let request: Result<E::Request> = match unreadable {
        Some(error) => Err(error),
        None => fields.parse(E::REQUIRED),
    };
    let (known, fetched) = match &request {
        Ok(request) => tokio::join!(credential.holder(cx), E::fetch(cx, request)),
        Err(_) => (credential.holder(cx).await, Ok(E::Fetched::default())),
    };
    // Who may not ask does not learn what was wrong with the question.
    let holder = known?;
    let caller = Caller {
        scope: holder.scope,
        country: incoming.country(&cx.config.country_header),
        origin: Origin {
            actor: holder.actor,
            ip: incoming.address(&cx.config.address_header),
            user_agent: incoming.header("user-agent").and_then(UserAgent::parse),
        },
        signed_in: holder.signed_in,
    };
    let call = async |cx: &Context| match E::call(cx, caller, request?, fetched?).await {
        Ok(reply) => Answer::good::<E>(&reply, E::head(cx, &reply)),
        Err(error) => Err(error),
    };
    let Some(asked) = asked else {
        return call(cx).await;
    };
    let key = incoming.header(IDEMPOTENCY_KEY).and_then(IdempotencyKey::parse);
    let key = key.ok_or_else(|| Error::field("Idempotency-Key", "1 to 255 printable ASCII characters"))?;
    let repeatable = Repeatable::new(&holder.credential, &key, E::NAME, &asked);
    let attempt = match cx
        .store
        .attempt_begin(repeatable.begin(&cx.ids, cx.clock.now())?, &cx.clock)
        .await?
    {
        BeginOutcome::Now(attempt) => attempt,
        BeginOutcome::Before(attempt, answer) => return Answer::again(&repeatable, &attempt, &answer),
    };
    let answer = call(&cx.of_attempt(&repeatable, &attempt)).await;
    let mut answer = answer.unwrap_or_else(|error| Answer::refusal::<E>(cx, &error));
    let kept = if answer.is_final() {
        let sealed = repeatable.seal(&attempt, answer.status.as_u16(), &answer.body)?;
        cx.store.attempt_finish(&attempt, &sealed).await
    } else {
        cx.store.attempt_release(&attempt).await
    };
    if let Err(Error::Internal(cause)) = kept {
        // What was asked for is done, and would be done as it was, should it be asked for again.
        answer
            .cause
            .get_or_insert(format!("the answer could not be kept: {cause}"));
    }
    Ok(answer)
}

/// The cookie that holds the token of somebody who is signed in.
pub(crate) const SESSION: &str = "session";

/// The header by which a client names a request, so that it may send it again.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl Answer {
    pub(crate) fn good<E: Endpoint>(reply: &E::Reply, head: Head) -> Result<Self> {
        Ok(Self {
            status: head.status,
            cookie: head.cookie,
            content_type: E::Reply::CONTENT_TYPE,
            body: E::Face::wrap(reply.to_bytes()?),
            cache: E::CACHE,
            retry_after: None,
            replayed: false,
            code: None,
            cause: None,
        })
    }

    pub(crate) fn refusal<E: Endpoint>(cx: &Context, error: &Error) -> Self {
        let refusal = E::Face::refuse(error);
        Self {
            status: refusal.status,
            content_type: JSON,
            body: refusal.body,
            cache: Cache::Never,
            // Rounded up: who comes back on the second is let in.
            retry_after: error.retry_at().map(|at| at.since(cx.clock.now()).as_secs() + 1),
            cookie: None,
            replayed: false,
            code: Some(error.code().as_str()),
            cause: if let Error::Internal(cause) = error {
                Some(cause.to_string())
            } else {
                None
            },
        }
    }

    /// The answer that the same request got before.
    pub(crate) fn again(repeatable: &Repeatable, attempt: &Attempt, answer: &SealedAnswer) -> Result<Self> {
        Ok(Self {
            status: StatusCode::from_u16(answer.status).map_err(Error::internal)?,
            content_type: JSON,
            body: repeatable.open(attempt, answer)?,
            cache: Cache::Never,
            retry_after: None,
            cookie: None,
            replayed: true,
            code: None,
            cause: None,
        })
    }

    /// This answer with a `signature`, by which a client knows that it is ours, and the answer to what it has just asked.
    pub(crate) fn signed<E: Endpoint>(mut self, cx: &Context, question: Question) -> Result<Self> {
        let fields = serde_json::from_slice(&self.body).map_err(Error::internal)?;
        let path = endpoint::path(E::ROUTE);
        let claims = AnswerClaims::new(question, path, self.status.as_u16(), &fields, cx.clock.now())?;
        let signature = cx.keys.sign_answer(&claims)?;
        // Before the closing brace, so that the fields stay as they are.
        self.body.pop();
        let comma = if fields.is_empty() { "" } else { "," };
        self.body
            .extend_from_slice(format!(r#"{comma}"signature":"{signature}"}}"#).as_bytes());
        // It is for who sent the nonce.
        self.cache = Cache::Never;
        Ok(self)
    }

    /// Whether the same request should get the same answer: not one that asks to come again.
    pub(crate) fn is_final(&self) -> bool {
        !self.status.is_server_error() && self.status != StatusCode::TOO_MANY_REQUESTS
    }
}

/// Who was let in.
struct Holder {
    scope: Scope,
    actor: Actor,
    /// By what, in clear.
    credential: String,
    signed_in: Option<SignedIn>,
}

impl Holder {
    /// A store, which sees everybody's products.
    fn store(name: &str, credential: String) -> Self {
        Self {
            scope: Scope::Everything,
            actor: Actor {
                kind: ActorKind::Store,
                id: Some(name.to_owned()),
            },
            credential,
            signed_in: None,
        }
    }
}

/// What a request shows to be let in.
enum Shown {
    /// Nothing but, maybe, a license key, which is all that the endpoint asks for.
    NotAskedFor { license_key: String },
    /// What may be a store's secret.
    Webhook(Vec<String>),
    /// A signature of Stripe's, and what was signed.
    Signature { header: String, body: Bytes },
    /// What may be the token of somebody who is signed in.
    Token(String),
    /// An admin secret, an API key, or both.
    Shown {
        admin_secret: Option<String>,
        api_key: Option<String>,
    },
}

impl Shown {
    /// Takes what is shown to an endpoint with this `auth` out of the request.
    ///
    /// An API key may be in the body, in the header `X-API-Key`, or in the query, and is looked for in that order. The
    /// admin secret may be in the body, or in the query of a GET.
    fn shown(auth: Auth, incoming: &Incoming, fields: &mut Fields) -> Result<Self> {
        let (admin_secret, api_key) = match auth {
            Auth::Public | Auth::LicenseKey => {
                let license_key = fields.text("licenseKey").unwrap_or_default();
                return Ok(Self::NotAskedFor { license_key });
            }
            Auth::Webhook => {
                let in_header = incoming.header("x-webhook-secret").map(str::to_owned);
                let in_body = fields.take("webhookSecret");
                return Ok(Self::Webhook(in_header.into_iter().chain(in_body).collect()));
            }
            Auth::Stripe => {
                let header = incoming
                    .header("stripe-signature")
                    .ok_or(Error::Unauthenticated(Credential::Caller))?
                    .to_owned();
                let body = incoming.body.clone().unwrap_or_default();
                return Ok(Self::Signature { header, body });
            }
            Auth::Login => {
                let token = incoming
                    .bearer()
                    .or_else(|| incoming.cookie(SESSION))
                    .ok_or(Error::Unauthenticated(Credential::Caller))?;
                return Ok(Self::Token(token.to_owned()));
            }
            Auth::SuperAdmin => (fields.take("adminSecret"), None),
            Auth::Admin => {
                let in_body = if let Fields::Body(_) = fields {
                    fields.take("apiKey")
                } else {
                    None
                };
                let in_header = || incoming.header("x-api-key").map(str::to_owned);
                let in_query = || {
                    fields::query(incoming)
                        .into_iter()
                        .find(|(name, _)| name == "apiKey")
                        .map(|(_, v)| v)
                };
                let some = |key: &String| !key.trim().is_empty();
                let api_key = in_body
                    .filter(some)
                    .or_else(|| in_header().filter(some))
                    .or_else(in_query);
                (fields.take("adminSecret"), api_key)
            }
        };
        if admin_secret.is_none() && api_key.is_none() {
            return Err(Error::Unauthenticated(Credential::Caller));
        }
        Ok(Self::Shown { admin_secret, api_key })
    }

    /// Who holds this credential, and whose records it lets them see. A right admin secret wins over an API key; a wrong
    /// one does not stand in the key's way.
    async fn holder(self, cx: &Context) -> Result<Holder> {
        let (admin_secret, api_key) = match self {
            Self::NotAskedFor { license_key } => {
                return Ok(Holder {
                    scope: Scope::Nothing,
                    actor: Actor::the(ActorKind::Customer),
                    credential: license_key,
                    signed_in: None,
                });
            }
            Self::Token(token) => return signed_in(cx, token).await,
            Self::Webhook(shown) => {
                let right = shown.into_iter().find(|secret| cx.webhook_secret.matches(secret));
                return Ok(Holder::store(
                    "cglounge",
                    right.ok_or(Error::Unauthenticated(Credential::Caller))?,
                ));
            }
            Self::Signature { header, body } => {
                let secret = cx
                    .stripe_secret
                    .as_ref()
                    .ok_or(Error::Unauthenticated(Credential::Caller))?;
                secret.verify(&header, &body, cx.clock.now())?;
                return Ok(Holder::store("stripe", header));
            }
            Self::Shown { admin_secret, api_key } => (admin_secret, api_key),
        };
        if let Some(credential) = admin_secret.filter(|secret| cx.admin_secret.matches(secret)) {
            return Ok(Holder {
                scope: Scope::Everything,
                actor: Actor::the(ActorKind::Admin),
                credential,
                signed_in: None,
            });
        }
        let key = api_key
            .and_then(|key| RawApiKey::parse(&key))
            .ok_or(Error::Unauthenticated(Credential::Caller))?;
        let stored = cx.store.api_key_by_hash_unscoped(&key.hash()).await?;
        let stored = stored
            .filter(|key| key.active)
            .ok_or(Error::Unauthenticated(Credential::Caller))?;
        Ok(Holder {
            actor: Actor::api_key(&stored.key_hash),
            scope: Scope::Owner(stored.owner_id),
            credential: key.reveal().to_owned(),
            signed_in: None,
        })
    }
}

/// Who is signed in by this token. A forged or expired one costs no call of DynamoDB; a good one is looked up, so that it
/// is good for nothing from the moment that its holder signs out.
async fn signed_in(cx: &Context, token: String) -> Result<Holder> {
    let claims = AccountToken::parse(&token)
        .and_then(|token| cx.keys.verify_account_token(&token, Purpose::Login, cx.clock.now()))
        .ok_or(Error::Unauthenticated(Credential::Caller))?;
    let account = cx
        .store
        .account_by_login(&claims)
        .await?
        .ok_or(Error::Unauthenticated(Credential::Caller))?;
    Ok(Holder {
        scope: Scope::Nothing,
        actor: Actor::account(&account.account_id),
        credential: token,
        signed_in: Some(SignedIn {
            account,
            login: claims.login.ok_or(Error::Unauthenticated(Credential::Caller))?,
        }),
    })
}
