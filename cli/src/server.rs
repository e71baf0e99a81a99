//! The HTTP server: connections, limits, graceful shutdown.

use std::{convert::Infallible, future::Future, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming as Stream, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use keystead_functions::frame::{
    body::{BodyMode, BodyStream, RequestBody},
    context::Context,
    mail::Kept,
    request::Incoming,
    router::Router,
    security_headers,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    connections::{BODY_TIMEOUT, ConnectionLimits, HeadTimeout, Progress},
    door::DoorKey,
};

/// The API, and what only a local server has beside it.
pub struct App {
    /// Finds the endpoints.
    pub router: Router,
    /// What they work with.
    pub context: Context,
    /// What was mailed, and the key of `GET /_mail`, if that is there.
    pub mails: Option<(Kept, DoorKey)>,
    /// The key of `POST /_clock`, if that is there.
    pub test_clock: Option<DoorKey>,
    /// How many connections there may be.
    pub limits: ConnectionLimits,
    /// How long a connection is kept open between two requests.
    pub keep_alive: Duration,
}

/// The timeout of a graceful shutdown: how long requests that have begun may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `app` on `listener` until `stop` completes, then shuts down gracefully: requests that have begun are
/// answered.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let room = app.limits.room().await;
            (room, listener.accept().await)
        };
        let (room, stream, peer) = tokio::select! {
            accepted = accepted => match accepted {
                (Some(room), Ok((stream, peer))) => (room, stream, peer),
                (None, _) => break,
                (Some(_), Err(error)) => {
                    // Too many open files, or a client that left at once: others can still be served.
                    tracing::warn!(cause = %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let address = peer.ip().to_canonical();
        // One client that opens connections without end takes its own places only: this one is closed.
        let Some(place) = app.limits.place(address, room) else {
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!(cause = %error, "a connection will be slow");
        }
        let progress = Progress::default();
        let stream = HeadTimeout::new(stream, progress.clone());
        let keep_alive = app.keep_alive;
        let app = Arc::clone(&app);
        let service = service_fn(move |request| {
            let (app, progress) = (Arc::clone(&app), progress.clone());
            async move {
                progress.step();
                let response = answer(&app, request, address).await;
                progress.step();
                Ok::<_, Infallible>(response.map(Full::new))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(keep_alive)
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // An error here is a client that left in the middle of a request, or was too slow.
            let _: Result<(), hyper::Error> = connection.await;
            drop(place);
        });
    }
    drop(listener);
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(STOP_TIMEOUT) => {}
    }
}

async fn answer(app: &App, request: Request<Stream>, address: IpAddr) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let body = match app.router.body_mode(&head.method, head.uri.path()) {
        BodyMode::Stream { limit } => RequestBody::Stream(BodyStream::new(body, limit)),
        BodyMode::Whole { limit } => {
            match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
                Ok(Ok(body)) => RequestBody::Whole(body.to_bytes()),
                Ok(Err(error)) if error.is::<LengthLimitError>() => RequestBody::TooLong,
                // A part of a request is none: it is not carried out.
                Ok(Err(_)) => return closing(StatusCode::BAD_REQUEST, "The request's body broke off"),
                Err(_) => return closing(StatusCode::REQUEST_TIMEOUT, "The request's body took too long"),
            }
        }
    };
    let incoming = Incoming {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
        peer: address.into(),
        id: None,
    };
    // Without its key, a door is not there.
    if let Some(key) = &app.test_clock
        && incoming.path == "/_clock"
        && key.opens_for(incoming.query.as_deref())
    {
        return set_clock(app, &incoming);
    }
    if let Some((mails, key)) = &app.mails
        && incoming.path == "/_mail"
        && key.opens_for(incoming.query.as_deref())
    {
        return show_mails(mails, &incoming);
    }
    app.router.answer(&app.context, &incoming).await
}

/// A refusal after which nothing more is read from the connection.
fn closing(status: StatusCode, error: &str) -> Response<Bytes> {
    let mut response = reply(status, &json!({ "success": false, "error": error }));
    let close = http::HeaderValue::from_static("close");
    response.headers_mut().insert("connection", close);
    response
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
    security_headers::add(headers);
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    headers.insert("cache-control", http::HeaderValue::from_static("no-store"));
    response
}

/// `POST /_clock {"advanceSeconds": n}`: moves the service's time forward, to see an expiry or a lapsed session without
/// waiting.
fn set_clock(app: &App, incoming: &Incoming) -> Response<Bytes> {
    if incoming.method != Method::POST {
        return not_allowed();
    }
    let RequestBody::Whole(body) = &incoming.body else {
        return not_allowed();
    };
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
