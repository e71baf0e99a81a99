//! The embedded DynamoDB on a socket, for programs beside the server: `keystead serve --dynamodb-listen`.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::{
    connections::{BODY_TIMEOUT, HEAD_TIMEOUT},
    door::DoorKey,
    embedded::Engine,
};

/// The longest request that DynamoDB takes, in bytes.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Serves `engine` on `listener` for as long as the process lives.
pub(crate) async fn serve(listener: TcpListener, engine: Engine, key: DoorKey) {
    let key = Arc::new(key);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(cause = %error, "a connection to the embedded DynamoDB could not be accepted");
                continue;
            }
        };
        let (engine, key) = (engine.clone(), Arc::clone(&key));
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(&engine, &key, request).await) });
            // An error here is a client that left in the middle of a request.
            let _: Result<(), hyper::Error> = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(engine: &Engine, key: &DoorKey, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if !is_signed_with(key, &request) {
        return reply(403, UNRECOGNIZED.as_bytes().to_vec());
    }
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let operation = target
        .and_then(|target| target.rsplit('.').next())
        .unwrap_or_default()
        .to_owned();
    let body = Limited::new(request.into_body(), BODY_LIMIT).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => {
            let (status, answer) = engine.answer(&operation, &body.to_bytes());
            reply(status, answer)
        }
        Ok(Err(_)) => reply(413, Vec::new()),
        Err(_) => reply(408, Vec::new()),
    }
}

/// What DynamoDB says to a key that it does not know.
const UNRECOGNIZED: &str = r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}"#;

/// Whether the request names this access key id, as what is signed by SigV4 does, in its `Credential`.
///
/// The id itself is the secret here. So a page in a browser, which has a name of its own lead to this address, gets no
/// further than a stranger does.
fn is_signed_with(key: &DoorKey, request: &Request<Incoming>) -> bool {
    let authorization = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let credential = authorization.and_then(|value| value.split_once("Credential="));
    let id = credential.and_then(|(_, rest)| rest.split('/').next());
    id.is_some_and(|id| key.is(id))
}

fn reply(status: u16, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert("content-type", json);
    response
}
