//! Bodies that an endpoint reads as they come: pieces, the limit, and a client that leaves in the middle.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use keystead::{
    connections::ConnectionLimits,
    server::{self, App},
};
use keystead_core::{Error, InvalidRequest, Result, config::Config, request::client_address::ClientAddress};
use keystead_functions::frame::{
    body::{BodyMode, RequestBody},
    callers::Anyone,
    context::Context,
    endpoint::Endpoint,
    face::{Face, Refusal},
    log::Log,
    request::Incoming,
    route::Route,
    router::Router,
};
use keystead_tests::{TestApp, secrets};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const LIMIT: usize = 1024 * 1024;

/// Counts what is uploaded.
struct Upload;

/// Says the code of a refusal.
struct Codes;

impl Face for Codes {
    const NAME: &'static str = "codes";

    fn refuse(error: &Error) -> Refusal {
        let is_too_long = matches!(error, Error::Invalid(InvalidRequest::TooLarge { .. }));
        let status = if is_too_long {
            StatusCode::PAYLOAD_TOO_LARGE
        } else {
            StatusCode::BAD_REQUEST
        };
        Refusal::new(status, error.code().as_str(), |code| json!({ "code": code }))
    }
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Request {
    file_name: String,
}

#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Reply {
    file_name: String,
    bytes: usize,
    is_in_pieces: bool,
}

impl Endpoint for Upload {
    const NAME: &'static str = "upload";
    const ROUTE: &'static str = "PUT /upload/{fileName}";
    const SUMMARY: &'static str = "Count the bytes of a file.";
    const BODY: BodyMode = BodyMode::Stream { limit: LIMIT };
    const REQUIRED: &'static [&'static str] = &["fileName"];

    type Face = Codes;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, _: Anyone, request: Request, (): ()) -> Result<Reply> {
        let (mut bytes, mut pieces) = (0, 0);
        while let Some(piece) = cx.body_stream()?.next().await? {
            bytes += piece.len();
            pieces += 1;
        }
        Ok(Reply {
            file_name: request.file_name,
            bytes,
            is_in_pieces: pieces > 1,
        })
    }
}

fn router() -> Router {
    Router::new(&[Route::of::<Upload>()]).expect("a router")
}

/// Serves [`Upload`] while `ask` asks it over a socket.
async fn served<T: Send + 'static>(ask: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
    let app = TestApp::start().await;
    let context = Context {
        log: Log::nowhere(),
        ..Context::new(app.cx.store.clone(), secrets(), Config::default()).expect("a context")
    };
    let served = App {
        router: router(),
        context,
        mails: None,
        test_clock: None,
        limits: ConnectionLimits::default(),
        keep_alive: Duration::from_secs(75),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server::serve(listener, Arc::new(served), async {
        let _ = stopped.await;
    }));
    let answer = tokio::task::spawn_blocking(move || ask(address))
        .await
        .expect("an answer");
    stop.send(()).expect("the server runs");
    server.await.expect("the server stops");
    answer
}

/// Uploads pieces of 64 KiB, and answers status and body. `length` is what the head says of them.
fn upload(address: SocketAddr, pieces: usize, length: usize) -> (String, Value) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "PUT /upload/a.bin HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    for _ in 0..pieces {
        // A server that has refused reads no further.
        if stream.write_all(&[7; 64 * 1024]).is_err() {
            break;
        }
    }
    if pieces * 64 * 1024 < length {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).expect("text");
    let status = answer.lines().next().unwrap_or_default().to_owned();
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn a_body_is_read_piece_by_piece_up_to_its_limit() {
    let (status, body) = served(|address| upload(address, 16, LIMIT)).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(body["bytes"], LIMIT, "{body}");
    assert_eq!(body["fileName"], "a.bin", "{body}");
    assert_eq!(body["isInPieces"], true, "{body}");
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_refused_with_the_limit() {
    let app = TestApp::start().await;
    let request = Incoming {
        method: Method::PUT,
        body: RequestBody::of(
            Bytes::from(vec![7; LIMIT + 1]),
            router().body_mode(&Method::PUT, "/upload/a.bin"),
        ),
        path: "/upload/a.bin".to_owned(),
        query: None,
        headers: HeaderMap::new(),
        peer: ClientAddress::UNKNOWN,
        id: None,
    };
    let response = router().answer(&app.cx, &request).await;
    assert_eq!(response.status(), 413);
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(body, json!({ "code": "body_too_large" }));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_a_whole_one() {
    let (status, body) = served(|address| upload(address, 3, LIMIT)).await;
    // Who has left may get no answer; who waits for one is refused.
    let refused = json!({ "code": "invalid_field" });
    assert!(status.is_empty() || body == refused, "{status} {body}");
}
