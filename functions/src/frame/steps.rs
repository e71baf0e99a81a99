//! An endpoint's own steps behind trait objects: the pipeline is compiled once for each kind of caller and each face, and not
//! for each endpoint. It was a third of what an endpoint adds to its function, and most of what it takes to compile one.

use futures_util::future::BoxFuture;
use keystead_core::{
    Result,
    owner::{OwnerId, member::Role},
};

use crate::frame::{
    body::BodyMode,
    callers::Source,
    context::Context,
    endpoint::{Endpoint, Needs},
    face::Face,
    fields::Fields,
    idempotency::{FindName, named},
    reply::{Answer, Body},
    subject::Subject,
};

/// An endpoint whose callers are `C`s, as the pipeline sees it.
pub(crate) struct Steps<C> {
    /// [`Endpoint::NAME`].
    pub(crate) name: &'static str,
    /// [`Endpoint::ROUTE`].
    pub(crate) route: &'static str,
    /// [`Endpoint::NEEDS`].
    pub(crate) needs: Needs,
    /// [`Endpoint::REQUIRED`].
    pub(crate) required: &'static [&'static str],
    /// How a request is found to be named, of an endpoint that changes something ([`Endpoint::WRITES`]).
    pub(crate) find_name: Option<FindName>,
    /// [`Endpoint::BODY`].
    pub(crate) body: BodyMode,
    /// Parses a request.
    pub(crate) parse: Parse<C>,
}

impl<C> Steps<C> {
    /// The steps of an endpoint.
    pub(crate) const fn of<E: Endpoint<Caller = C>>() -> Self {
        Self {
            name: E::NAME,
            route: E::ROUTE,
            needs: E::NEEDS,
            required: E::REQUIRED,
            find_name: if E::WRITES { Some(named) } else { None },
            body: E::BODY,
            parse: parse::<E>,
        }
    }
}

/// What a step comes to.
type Step<'a, T> = BoxFuture<'a, Result<T>>;

/// Parses a request's fields.
pub(crate) type Parse<C> = fn(&Context, Fields) -> Result<Box<dyn Parsed<C>>>;

/// A request that is parsed and checked by itself.
pub(crate) trait Parsed<C>: Send {
    /// Reads what can be read beside the authentication.
    fn prefetch<'a>(self: Box<Self>, cx: &'a Context, source: &'a Source) -> Step<'a, Box<dyn Prefetched<C>>>;
}

/// A request, and what was read for it beside the authentication.
pub(crate) trait Prefetched<C>: Send {
    /// Loads its subject, which `caller` may see.
    fn admit<'a>(self: Box<Self>, cx: &'a Context, caller: &'a C) -> Step<'a, Box<dyn Admitted<C>>>;
}

/// A request, and its subject.
pub(crate) trait Admitted<C>: Send {
    /// [`Subject::owner`].
    fn owner(&self) -> Option<&OwnerId>;

    /// [`Subject::role`].
    fn role(&self) -> Option<Role>;

    /// Calls the endpoint.
    fn call<'a>(self: Box<Self>, cx: &'a Context, caller: C) -> Step<'a, Answer>;
}

fn parse<E: Endpoint>(cx: &Context, fields: Fields) -> Result<Box<dyn Parsed<E::Caller>>> {
    let request: E::Request = fields.parse(E::REQUIRED)?;
    E::check(cx, &request)?;
    Ok(Box::new(ParsedRequest::<E> { request }))
}

struct ParsedRequest<E: Endpoint> {
    request: E::Request,
}

struct PrefetchedRequest<E: Endpoint> {
    request: E::Request,
    prefetched: <E::Subject as Subject<E::Request, E::Caller>>::Prefetched,
}

struct AdmittedRequest<E: Endpoint> {
    request: E::Request,
    subject: E::Subject,
}

impl<E: Endpoint> Parsed<E::Caller> for ParsedRequest<E> {
    fn prefetch<'a>(self: Box<Self>, cx: &'a Context, source: &'a Source) -> Step<'a, Box<dyn Prefetched<E::Caller>>> {
        Box::pin(async move {
            let Self { request } = *self;
            let prefetched = <E::Subject as Subject<_, E::Caller>>::prefetch(cx, &request, source).await?;
            Ok(Box::new(PrefetchedRequest::<E> { request, prefetched }) as Box<dyn Prefetched<_>>)
        })
    }
}

impl<E: Endpoint> Prefetched<E::Caller> for PrefetchedRequest<E> {
    fn admit<'a>(self: Box<Self>, cx: &'a Context, caller: &'a E::Caller) -> Step<'a, Box<dyn Admitted<E::Caller>>> {
        Box::pin(async move {
            let Self { request, prefetched } = *self;
            let subject = E::Subject::admit(cx, caller, &request, prefetched).await?;
            Ok(Box::new(AdmittedRequest::<E> { request, subject }) as Box<dyn Admitted<_>>)
        })
    }
}

impl<E: Endpoint> Admitted<E::Caller> for AdmittedRequest<E> {
    fn owner(&self) -> Option<&OwnerId> {
        <E::Subject as Subject<E::Request, E::Caller>>::owner(&self.subject)
    }

    fn role(&self) -> Option<Role> {
        <E::Subject as Subject<E::Request, E::Caller>>::role(&self.subject)
    }

    fn call<'a>(self: Box<Self>, cx: &'a Context, caller: E::Caller) -> Step<'a, Answer> {
        Box::pin(async move {
            let reply = E::call(cx, caller, self.request, self.subject).await?;
            let head = E::head(cx, &reply);
            let content_type = reply.content_type();
            let body = reply.to_bytes()?;
            // A file is as it is.
            let is_file = head.attachment.is_some();
            let body = if is_file { body } else { E::Face::wrap(body) };
            Ok(Answer {
                cookies: head.cookies,
                attachment: head.attachment,
                next_cursor: head.next_cursor,
                cache: E::CACHE,
                content_type,
                ..Answer::new(head.status, body)
            })
        })
    }
}
