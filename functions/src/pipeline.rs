//! What happens to every request: authenticate, parse, call, reply.

use http::StatusCode;
use keystead_core::{
    Error, Result,
    api_key::RawApiKey,
    event::{Actor, ActorKind, Origin, UserAgent},
    owner::Scope,
};

use crate::{
    context::Context,
    endpoint::{Auth, Cache, Caller, Endpoint},
    fields::{self, Fields},
    incoming::Incoming,
};

/// What an endpoint answered, and what the log should know of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    pub(crate) cache: Cache,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u64>,
    /// Why it refused.
    pub(crate) code: Option<&'static str>,
    /// What went wrong inside.
    pub(crate) cause: Option<String>,
}

/// Answers a request to `E`.
pub(crate) async fn handle<E: Endpoint>(cx: &Context, incoming: &Incoming) -> Answer {
    let answer = match reply::<E>(cx, incoming).await {
        Ok(reply) => serde_json::to_vec(&reply).map_err(Error::internal),
        Err(error) => Err(error),
    };
    let error = match answer {
        Ok(body) => {
            return Answer {
                status: StatusCode::OK,
                body,
                cache: E::CACHE,
                retry_after: None,
                code: None,
                cause: None,
            };
        }
        Err(error) => error,
    };
    let refusal = E::FACE.refuse(&error);
    Answer {
        status: refusal.status,
        body: refusal.body.to_string().into_bytes(),
        cache: Cache::Never,
        // Rounded up: who comes back on the second is let in.
        retry_after: refusal.retry_at.map(|at| at.since(cx.clock.now()).as_secs() + 1),
        code: Some(error.code()),
        cause: if let Error::Internal(cause) = &error {
            Some(cause.to_string())
        } else {
            None
        },
    }
}

async fn reply<E: Endpoint>(cx: &Context, incoming: &Incoming) -> Result<E::Reply> {
    let mut fields = Fields::of(incoming)?;
    let credential = Credential::shown(E::AUTH, incoming, &mut fields)?;
    let request: Result<E::Request> = fields.parse(E::REQUIRED);
    let (known, fetched) = match &request {
        Ok(request) => tokio::join!(credential.holder(cx), E::fetch(cx, request)),
        Err(_) => (credential.holder(cx).await, Ok(E::Fetched::default())),
    };
    // Who may not ask does not learn what was wrong with the question.
    let (scope, actor) = known?;
    let caller = Caller {
        scope,
        country: incoming.country(&cx.config.country_header),
        origin: Origin {
            actor,
            ip: incoming.ip,
            user_agent: incoming.header("user-agent").and_then(UserAgent::parse),
        },
    };
    E::call(cx, caller, request?, fetched?).await
}

/// What a request shows to be let in.
enum Credential {
    /// Nothing, which is all that the endpoint asks for.
    NotAskedFor,
    /// An admin secret, an API key, or both.
    Shown {
        admin_secret: Option<String>,
        api_key: Option<String>,
    },
}

impl Credential {
    /// Takes what is shown to an endpoint with this `auth` out of the request.
    ///
    /// An API key may be in the body, in the header `X-API-Key`, or in the query, and is looked for in that order. The
    /// admin secret may be in the body, or in the query of a GET.
    fn shown(auth: Auth, incoming: &Incoming, fields: &mut Fields) -> Result<Self> {
        let (admin_secret, api_key) = match auth {
            Auth::Public | Auth::LicenseKey => return Ok(Self::NotAskedFor),
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
            return Err(Error::Unauthorized);
        }
        Ok(Self::Shown { admin_secret, api_key })
    }

    /// Who holds this credential, and whose records it lets them see. A right admin secret wins over an API key; a wrong
    /// one does not stand in the key's way.
    async fn holder(self, cx: &Context) -> Result<(Scope, Actor)> {
        let (admin_secret, api_key) = match self {
            Self::NotAskedFor => return Ok((Scope::Nothing, Actor::the(ActorKind::Customer))),
            Self::Shown { admin_secret, api_key } => (admin_secret, api_key),
        };
        if admin_secret.is_some_and(|secret| cx.admin_secret.matches(&secret)) {
            return Ok((Scope::Everything, Actor::the(ActorKind::Admin)));
        }
        let key = api_key
            .and_then(|key| RawApiKey::parse(&key))
            .ok_or(Error::Unauthorized)?;
        let stored = cx.store.shown_api_key(&key.hash()).await?;
        let stored = stored.filter(|key| key.active).ok_or(Error::Unauthorized)?;
        Ok((Scope::Owner(stored.owner_id), Actor::api_key(&stored.key_hash)))
    }
}
