//! How a request finds its route.

use std::{cmp::Reverse, collections::HashMap, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use keystead_core::{
    error::ErrorCode,
    request::{client_address::Tier, id::RequestId, rate_limit::RequestLimit},
    store::meter::{Usage, metered},
};

use crate::frame::{
    body::{BODY_LIMIT, BodyMode},
    callers::Source,
    context::Context,
    cors,
    face::{AnyFace, Readers, Unrouted},
    limits::{ClientKind, Verdict},
    log::Line,
    reply::{Answer, Cache},
    request::Incoming,
    route::Route,
    security_headers,
};

/// Finds the route of a request, and answers it.
pub struct Router {
    paths: matchit::Router<HashMap<&'static str, Route>>,
    /// The faces of its routes, those with the longest prefix first.
    faces: Vec<AnyFace>,
}

impl Router {
    /// A router over `routes`.
    ///
    /// # Errors
    /// When two routes' paths can't be told apart.
    pub fn new(routes: &[Route]) -> Result<Self, matchit::InsertError> {
        let mut by_path: HashMap<&'static str, HashMap<&'static str, Route>> = HashMap::new();
        for route in routes {
            by_path
                .entry(route.path())
                .or_default()
                .extend(route.methods().map(|method| (method, *route)));
        }
        let mut paths = matchit::Router::new();
        for (path, methods) in by_path {
            paths.insert(path, methods)?;
        }
        let mut faces: Vec<AnyFace> = routes.iter().map(|route| route.face).collect();
        faces.sort_by_key(|face| Reverse(face.prefix.len()));
        Ok(Self { paths, faces })
    }

    /// How the body of a request with this method and path is to be taken.
    pub fn body_mode(&self, method: &Method, path: &str) -> BodyMode {
        let found = self.paths.at(path).ok();
        let route = found.and_then(|methods| methods.value.get(method.as_str()));
        route.map_or(BodyMode::Whole { limit: BODY_LIMIT }, |route| route.body)
    }

    /// The face of the API that a request's path is of.
    fn face(&self, incoming: &Incoming) -> Option<&AnyFace> {
        self.faces.iter().find(|face| incoming.path.starts_with(face.prefix))
    }

    /// What a request gets that no endpoint answers: the words of the API that its path is of.
    fn unrouted(&self, incoming: &Incoming, why: Unrouted) -> Answer {
        let refusal = self
            .face(incoming)
            .map_or_else(|| why.refusal(), |face| (face.unrouted)(why));
        Answer::new(refusal.status, refusal.body)
    }

    /// Answers a request: with its endpoint's reply, or why there is none. Leaves a line in the log.
    pub async fn answer(&self, cx: &Context, incoming: &Incoming) -> Response<Bytes> {
        let came = cx.clock.now();
        let began = Instant::now();
        // **Best effort**: without random numbers there is no id, and whatever needs more of them will say so.
        let fresh = || RequestId::new(&cx.ids, came).ok();
        let request_id = incoming.id.clone().or_else(fresh);
        let found = self.paths.at(&incoming.path).ok();
        let methods = found.as_ref().map(|found| found.value);
        let parameters = found.iter().flat_map(|found| found.params.iter());
        // As they are: an id has nothing that a path would encode.
        let parameters = parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        // Of a path, all methods have readers of one kind.
        let of_path = methods
            .and_then(|methods| methods.values().next())
            .map(|route| &route.face);
        let face = of_path.or_else(|| self.face(incoming));
        let readers = face.map_or(Readers::Everyone, |face| face.readers);
        if methods.is_some() && incoming.method == Method::OPTIONS {
            let mut response = cors::preflight(readers, incoming, &cx.config);
            security_headers::add(response.headers_mut());
            return response;
        }
        // What a GET would answer, without the body (RFC 9110, section 9.3.2).
        let headless = (incoming.method == Method::HEAD).then(|| Incoming {
            method: Method::GET,
            ..incoming.clone()
        });
        let asked = headless.as_ref().unwrap_or(incoming);
        let route = methods.and_then(|methods| methods.get(asked.method.as_str()));
        let source = Source::of(incoming, &cx.config.proxy, request_id.clone());
        // Wide enough to be nobody's, and narrow enough to be blocked.
        let network = source.address.network(Tier::Organisation);
        // Before anything else, so that who asks too often costs nothing.
        let limited = face.filter(|face| face.limits);
        let limited = limited.map(|face| (face, cx.limits.take(source.address, ClientKind::of(incoming), came)));
        let excess = limited.filter(|(_, verdict)| !verdict.allowed);
        let (answer, usage) = match (excess, methods, route) {
            (Some((face, _)), _, _) => {
                let error = RequestLimit::refusal(came);
                (Answer::refusing(&error, (face.refuse)(&error), came), Usage::default())
            }
            (None, _, Some(route)) => {
                let handled = route.handle(cx, asked, source, parameters);
                cx.log.scope(metered(handled)).await
            }
            (None, Some(_), None) => (self.unrouted(incoming, Unrouted::Method), Usage::default()),
            (None, None, None) => (self.unrouted(incoming, Unrouted::Path), Usage::default()),
        };
        cx.log.write(&Line {
            time: came,
            request_id: request_id.as_ref().map_or("", RequestId::as_str),
            route: methods.and_then(|m| m.values().next()).map_or("-", Route::path),
            method: route.map_or("-", |route| {
                let mut methods = route.methods();
                let known = methods.find(|method| *method == asked.method.as_str()).unwrap_or("-");
                if headless.is_some() { "HEAD" } else { known }
            }),
            status: answer.status.as_u16(),
            millis: began.elapsed().as_secs_f64() * 1000.0,
            dynamodb_calls: usage.calls,
            network: &network,
            actor: answer.actor.as_deref(),
            code: answer.code,
            cause: answer.cause.as_deref(),
        });
        let is_throttled = answer.code == Some(ErrorCode::TooManyRequests.as_str());
        let mut response = respond(answer, request_id.as_ref());
        if let Some((_, verdict)) = limited {
            tell(response.headers_mut(), verdict, is_throttled);
        }
        cors::expose(response.headers_mut(), readers, incoming, &cx.config);
        // For whoever embeds the router: tests hold it against the budgets.
        response.extensions_mut().insert(usage);
        if incoming.method == Method::HEAD {
            let length = response.body().len();
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            *response.body_mut() = Bytes::new();
        }
        if let (Some(methods), None) = (methods, route) {
            let mut allowed: Vec<&str> = methods.keys().copied().collect();
            if allowed.contains(&"GET") {
                allowed.push("HEAD");
            }
            allowed.sort_unstable();
            if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
        }
        response
    }
}

/// Tells how a client stands with its limit. Another process may have taken the last that was left.
fn tell(headers: &mut HeaderMap, verdict: Verdict, is_throttled: bool) {
    let remaining = if is_throttled { 0 } else { verdict.remaining };
    headers.insert("x-ratelimit-limit", HeaderValue::from(verdict.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(verdict.reset.seconds()));
}

fn respond(answer: Answer, request_id: Option<&RequestId>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    security_headers::add(headers);
    let cache = match answer.cache {
        Cache::Never => "no-store",
        Cache::FiveMinutes => "public, max-age=300",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    for cookie in answer.cookies {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    if let Some(name) = answer.attachment {
        let name = HeaderValue::try_from(format!(r#"attachment; filename="{name}""#));
        headers.extend(name.map(|name| (header::CONTENT_DISPOSITION, name)));
    }
    if let Some(Ok(cursor)) = answer.next_cursor.map(HeaderValue::try_from) {
        headers.insert("x-next-cursor", cursor);
    }
    if answer.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    if let Some(Ok(id)) = request_id.map(|id| HeaderValue::from_str(id.as_str())) {
        headers.insert("x-request-id", id);
    }
    response
}
