//! The API on a socket.

use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming as Stream, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use keystead_functions::{
    frame::{
        context::Context,
        mail::Kept,
        request::{Incoming, MAX_BODY},
    },
    routes::Router,
};
use serde_json::json;
use tokio::net::TcpListener;

/// The API, and what only a local server has beside it.
pub struct App {
    /// Finds the endpoints.
    pub router: Router,
    /// What they work with.
    pub context: Context,
    /// What was mailed: `GET /_mail`, if it may be shown.
    pub mails: Option<Kept>,
    /// Whether `POST /_clock` is there.
    pub test_clock: bool,
}

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests that have begun may take to end once the server is told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `app` on `listener` until `stop` comes about; then answers what has begun, and returns.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Too many open files, or a client that left at once: others can still be served.
                    eprintln!("keystead: a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("keystead: a connection will be slow: {error}");
        }
        let app = Arc::clone(&app);
        let service = service_fn(move |request| {
            let app = Arc::clone(&app);
            async move { Ok::<_, Infallible>(answer(&app, request, peer).await.map(Full::new)) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // An error here is a client that left in the middle of a request.
            let _: Result<(), hyper::Error> = connection.await;
        });
    }
    drop(listener);
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(STOP_TIMEOUT) => {}
    }
}

async fn answer(app: &App, request: Request<Stream>, peer: SocketAddr) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Some(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => None,
        // The client left before its body was whole; nobody reads this answer.
        Err(_) => Some(Bytes::new()),
    };
    let incoming = Incoming {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
        ip: Some(ip_of(peer)),
    };
    if app.test_clock && incoming.path == "/_clock" {
        return set_clock(app, &incoming);
    }
    if let Some(mails) = &app.mails
        && incoming.path == "/_mail"
        && is_local(&incoming)
    {
        return show_mails(mails, &incoming);
    }
    app.router.answer(&app.context, &incoming).await
}

/// Whether a request comes from this machine, and is meant for it. Mail lets its reader into accounts, so it is not for a
/// page in a browser that has a name of its own lead here, nor for who comes through a proxy that says so. One that does
/// not can't be told from somebody here: `--hide-mail` is for that.
fn is_local(incoming: &Incoming) -> bool {
    let from_here = incoming.ip.is_some_and(|ip| ip.is_loopback());
    let forwarded = ["forwarded", "x-forwarded-for", "via"];
    let direct = forwarded.iter().all(|name| !incoming.headers.contains_key(*name));
    let host = incoming.header("host").unwrap_or_default();
    let names_this = ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        let port = host.strip_prefix(name);
        port.is_some_and(|port| port.is_empty() || port.starts_with(':'))
    });
    from_here && direct && names_this
}

/// `GET /_mail`: what this server would have mailed, the oldest first.
fn show_mails(mails: &Kept, incoming: &Incoming) -> Response<Bytes> {
    if incoming.method == Method::GET {
        reply(StatusCode::OK, &json!(mails.mails()))
    } else {
        not_allowed()
    }
}

fn not_allowed() -> Response<Bytes> {
    reply(
        StatusCode::METHOD_NOT_ALLOWED,
        &json!({ "success": false, "error": "Method not allowed" }),
    )
}

/// An answer of this server's own.
fn reply(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    headers.insert("cache-control", http::HeaderValue::from_static("no-store"));
    response
}

fn ip_of(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}

/// `POST /_clock {"advanceSeconds": n}`: moves the service's time forward, to see an expiry or a lapsed session without
/// waiting.
fn set_clock(app: &App, incoming: &Incoming) -> Response<Bytes> {
    if incoming.method != Method::POST {
        return not_allowed();
    }
    let body = incoming.body.as_deref().unwrap_or_default();
    let seconds = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|b| b["advanceSeconds"].as_u64());
    // A thousand years are enough for any test, and stay within what a date can say.
    match seconds.filter(|seconds| *seconds <= 1000 * 365 * 24 * 60 * 60) {
        Some(seconds) => {
            app.context.clock.advance(Duration::from_secs(seconds));
            reply(
                StatusCode::OK,
                &json!({ "success": true, "now": app.context.clock.now() }),
            )
        }
        None => {
            let error = "Invalid advanceSeconds: must be a whole number of seconds, at most a thousand years";
            reply(StatusCode::BAD_REQUEST, &json!({ "success": false, "error": error }))
        }
    }
}
