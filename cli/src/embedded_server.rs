//! The embedded DynamoDB on a socket, for programs beside the server: `keystead serve --dynamodb-listen`.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::embedded::Engine;

/// The longest request that DynamoDB takes, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Serves `engine` on `listener` for as long as the process lives.
pub(crate) async fn serve(listener: TcpListener, engine: Engine) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("keystead: a connection to the embedded DynamoDB could not be accepted: {error}");
                continue;
            }
        };
        let engine = engine.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(&engine, request).await) });
            // An error here is a client that left in the middle of a request.
            let _: Result<(), hyper::Error> = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(engine: &Engine, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let operation = target
        .and_then(|target| target.rsplit('.').next())
        .unwrap_or_default()
        .to_owned();
    let (status, reply) = match Limited::new(request.into_body(), MAX_BODY).collect().await {
        Ok(body) => engine.answer(&operation, &body.to_bytes()),
        Err(_) => (413, Vec::new()),
    };
    let mut response = Response::new(Full::from(reply));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert("content-type", json);
    response
}
