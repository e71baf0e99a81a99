//! A route: an endpoint as the router, the runtime and the document see it.

use std::pin::Pin;

use http::StatusCode;
use keystead_core::{error::ErrorCode, signing::secrets::SecretName};

use crate::frame::{
    body::BodyMode,
    callers::{Caller, CallerKind, Source},
    context::Context,
    endpoint::{Endpoint, Needs, path},
    face::{AnyFace, Face},
    pipeline,
    reply::{Answer, Cache},
    request::{Incoming, Parameters},
};

#[cfg(feature = "openapi")]
use crate::frame::openapi::describe::{Description, Schemas};

/// [`pipeline::handle`] of one endpoint.
type Handler =
    for<'a> fn(&'a Context, &'a Incoming, Source, Parameters) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// An endpoint as the router and the Lambda runtime see it.
#[derive(Clone, Copy)]
pub struct Route {
    /// [`Endpoint::NAME`].
    pub name: &'static str,
    /// [`Endpoint::Caller`].
    pub caller: CallerKind,
    /// Whether a browser's cookie speaks for requests, or is set by them.
    pub by_cookie: bool,
    /// The secrets that it needs: its caller's, its face's, and its own.
    pub secrets: [&'static [SecretName]; 3],
    /// [`Caller::GUESSES_COUNT`].
    pub guesses_count: bool,
    /// [`Endpoint::NEEDS`].
    pub needs: Needs,
    /// [`Endpoint::Face`].
    pub face: AnyFace,
    /// [`Endpoint::REQUIRED`].
    pub required: &'static [&'static str],
    /// [`Endpoint::WRITES`].
    pub writes: bool,
    /// [`Endpoint::CALLS_DYNAMODB`].
    pub calls_dynamodb: bool,
    /// [`Endpoint::BODY`].
    pub body: BodyMode,
    /// [`Endpoint::CACHE`].
    pub cache: Cache,
    /// [`Endpoint::SUMMARY`].
    pub summary: &'static str,
    /// [`Endpoint::STATUSES`].
    pub statuses: &'static [StatusCode],
    /// [`Endpoint::REFUSALS`].
    pub refusals: &'static [ErrorCode],
    /// [`Endpoint::REQUIRED_SOMETIMES`].
    pub required_sometimes: &'static [&'static [&'static str]],
    route: &'static str,
    handle: Handler,
    #[cfg(feature = "openapi")]
    pub(crate) describe: fn(&mut Schemas) -> Description,
}

impl Route {
    /// The route of an endpoint.
    pub const fn of<E: Endpoint>() -> Self {
        Self {
            name: E::NAME,
            caller: E::Caller::KIND,
            by_cookie: pipeline::goes_by_cookie::<E>(),
            secrets: [E::Caller::SECRETS, E::Face::SECRETS, E::SECRETS],
            guesses_count: E::Caller::GUESSES_COUNT || E::Caller::PROVEN_BY_SUBJECT,
            needs: E::NEEDS,
            face: AnyFace::of::<E::Face>(),
            required: E::REQUIRED,
            writes: E::WRITES,
            calls_dynamodb: E::CALLS_DYNAMODB,
            body: E::BODY,
            cache: E::CACHE,
            summary: E::SUMMARY,
            statuses: E::STATUSES,
            refusals: E::REFUSALS,
            required_sometimes: E::REQUIRED_SOMETIMES,
            route: E::ROUTE,
            handle: |cx, incoming, source, parameters| {
                Box::pin(pipeline::handle::<E>(cx, incoming, source, parameters))
            },
            #[cfg(feature = "openapi")]
            describe: Description::of::<E>,
        }
    }

    /// Its path.
    pub fn path(&self) -> &'static str {
        path(self.route)
    }

    /// Its methods.
    pub fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.route.split(' ').next().unwrap_or_default().split('|')
    }

    /// Answers a request that came to this route.
    pub(crate) async fn handle(
        &self,
        cx: &Context,
        incoming: &Incoming,
        source: Source,
        parameters: Parameters,
    ) -> Answer {
        (self.handle)(cx, incoming, source, parameters).await
    }
}
