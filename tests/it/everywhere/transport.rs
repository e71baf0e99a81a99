//! The way to AWS over sockets: which connection a request takes, and what becomes of it when one breaks.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use keystead_core::{
    Result,
    license::key::LicenseKey,
    store::{Connection, Store},
};
use keystead_functions::aws::transport;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// What DynamoDB does with a request.
#[derive(Clone, Copy)]
enum Turn {
    /// Answers, and keeps the connection.
    Answer,
    /// Answers that it failed, and keeps the connection.
    Fail,
    /// Answers, and closes the connection afterwards.
    AnswerAndClose,
    /// Closes the connection without a word.
    Close,
    /// Closes it in the middle of the answer.
    Tear,
}

/// A store, and the socket that is its DynamoDB.
async fn store() -> (Store, TcpListener) {
    let (store, _, listener) = store_and_connector().await;
    (store, listener)
}

/// As [`store`], and what its requests go over.
async fn store_and_connector() -> (Store, SharedHttpConnector, TcpListener) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let connector = transport::aws_connector().expect("a connector");
    let connection = Connection {
        http: transport::client_over(connector.clone()),
        region: "eu-central-1".to_owned(),
        credentials: Some(Connection::credentials("AKID", "secret-of-the-tests", None)),
        endpoint: Some(format!("http://{address}")),
        attempt_timeout: Some(Connection::ATTEMPT_TIMEOUT),
        retries: true,
        product_ttl: Connection::PRODUCT_TTL,
        measure_capacity: false,
    };
    (Store::new(connection, ""), connector, listener)
}

/// Reads what is not there.
async fn ask(store: &Store) -> Result<()> {
    let key = LicenseKey::parse("00000000-0000-4000-8000-000000000000").expect("a key");
    store
        .license_get_unscoped(&key)
        .await
        .map(|found| assert!(found.is_none()))
}

/// Reads a request, which is answered before the next comes.
async fn request(stream: &mut TcpStream) -> bool {
    let mut asked = Vec::new();
    loop {
        if stream.read_buf(&mut asked).await.unwrap_or_default() == 0 {
            return false;
        }
        if asked.starts_with(b"GET ") && asked.ends_with(b"\r\n\r\n") {
            return true;
        }
        // A body is JSON, and ends with its last brace.
        if asked.windows(4).any(|end| end == b"\r\n\r\n") && asked.ends_with(b"}") {
            return true;
        }
    }
}

/// Serves requests so, one after the other, and answers on the how manieth connection each of them came.
async fn serve(listener: TcpListener, turns: Vec<Turn>) -> Vec<u32> {
    let mut turns = turns.into_iter().peekable();
    let (mut connection, mut came) = (0, Vec::new());
    while turns.peek().is_some() {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        connection += 1;
        while turns.peek().is_some() && request(&mut stream).await {
            came.push(connection);
            let (status, body, closes) = match turns.next().expect("a turn") {
                Turn::Answer => ("200 OK", "{}", false),
                Turn::AnswerAndClose => ("200 OK", "{}", true),
                Turn::Fail => ("500 Oops", r#"{"__type":"InternalServerError"}"#, false),
                Turn::Tear => ("200 OK", "{", true),
                Turn::Close => break,
            };
            let length = body.len().max(2);
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all((head + body).as_bytes()).await.expect("a reply");
            if closes {
                break;
            }
        }
    }
    came
}

/// Asks as many times, each of which is answered in the end, and tells on which connection each attempt came.
async fn connections(asked: usize, turns: &[Turn]) -> Vec<u32> {
    let (store, listener) = store().await;
    let server = tokio::spawn(serve(listener, turns.to_vec()));
    for _ in 0..asked {
        ask(&store).await.expect("an answer");
    }
    server.await.expect("every turn was taken")
}

#[tokio::test]
async fn requests_share_a_connection() {
    assert_eq!(connections(3, &[Turn::Answer; 3]).await, [1, 1, 1]);
}

#[tokio::test]
async fn a_connection_that_was_closed_is_replaced() {
    let turns = [Turn::AnswerAndClose, Turn::AnswerAndClose, Turn::Answer];
    assert_eq!(connections(3, &turns).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_request_whose_connection_breaks_is_sent_again() {
    for broken in [Turn::Close, Turn::Tear] {
        assert_eq!(connections(2, &[Turn::Answer, broken, Turn::Answer]).await, [1, 1, 2]);
    }
}

/// Behind the connection may be a server that fails for good: the SDK has it closed.
#[tokio::test]
async fn a_request_that_failed_is_sent_again_on_another_connection() {
    assert_eq!(connections(1, &[Turn::Fail, Turn::Answer]).await, [1, 2]);
}

#[tokio::test]
async fn who_refuses_every_connection_is_told_of() {
    let (store, listener) = store().await;
    drop(listener);
    let refused = ask(&store).await.expect_err("nobody is there");
    assert!(format!("{refused:?}").contains("refused"), "{refused:?}");
}

/// Opens a connection as a function does at its start, and asks over it.
async fn opened(turns: &[Turn]) -> (Result<()>, Vec<u32>) {
    let (store, connector, listener) = store_and_connector().await;
    let endpoint = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = tokio::spawn(serve(listener, turns.to_vec()));
    let opened = transport::open(&connector, &endpoint).await;
    ask(&store).await.expect("an answer");
    (opened, server.await.expect("every turn was taken"))
}

#[tokio::test]
async fn the_first_request_finds_the_connection_that_the_start_opened() {
    let (opened, connections) = opened(&[Turn::Answer; 2]).await;
    opened.expect("an answer");
    assert_eq!(connections, [1, 1]);
}

#[tokio::test]
async fn a_start_that_opens_none_fails_no_request() {
    let (opened, connections) = opened(&[Turn::Close, Turn::Answer]).await;
    opened.expect_err("no answer");
    assert_eq!(connections, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_start_does_not_wait_for_long() {
    let (_, connector, listener) = store_and_connector().await;
    let endpoint = format!("http://{}/", listener.local_addr().expect("an address"));
    let began = Instant::now();
    transport::open(&connector, &endpoint).await.expect_err("no answer");
    assert_eq!(began.elapsed().as_secs(), Connection::ATTEMPT_TIMEOUT.as_secs());
}

/// Answers every request with nothing, and notes where each went and what it said of who makes it.
#[derive(Clone, Debug, Default)]
struct Nowhere(Arc<Mutex<Vec<Asked>>>);

/// Where a request went, and its headers that say who makes it.
type Asked = (String, Vec<String>);

impl HttpConnector for Nowhere {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let names = request.headers().iter().filter(|(name, _)| name.contains("user-agent"));
        let names = names.map(|(name, value)| format!("{name}: {value}")).collect();
        self.0.lock().expect("no panic").push((request.uri().to_owned(), names));
        HttpConnectorFuture::ready(Ok(HttpResponse::new(
            StatusCode::try_from(200).expect("a status"),
            SdkBody::from("{}"),
        )))
    }
}

/// What DynamoDB in this region is asked when a function opens its connection, and then a request.
async fn asked(region: &str) -> [Asked; 2] {
    let nowhere = Nowhere::default();
    let connector = SharedHttpConnector::new(nowhere.clone());
    let connection = Connection {
        http: transport::client_over(connector.clone()),
        region: region.to_owned(),
        credentials: Some(Connection::credentials("AKID", "secret-of-the-tests", None)),
        endpoint: None,
        attempt_timeout: None,
        retries: false,
        product_ttl: Connection::PRODUCT_TTL,
        measure_capacity: false,
    };
    let dynamodb = transport::endpoint("dynamodb", region);
    transport::open(&connector, &dynamodb).await.expect("an answer");
    ask(&Store::new(connection, "")).await.expect("an answer");
    let asked = std::mem::take(&mut *nowhere.0.lock().expect("no panic"));
    asked.try_into().expect("two requests")
}

#[tokio::test]
async fn a_start_opens_the_connection_where_requests_go() {
    for region in ["eu-central-1", "us-east-1", "cn-north-1", "us-gov-west-1"] {
        let [(start, _), (request, _)] = asked(region).await;
        assert_eq!(start.trim_end_matches('/'), request.trim_end_matches('/'));
    }
}

#[tokio::test]
async fn calls_name_keystead_and_nobody_else() {
    let [_, (_, names)] = asked("eu-central-1").await;
    assert_eq!(names, [format!("user-agent: keystead/{}", env!("CARGO_PKG_VERSION"))]);
}
