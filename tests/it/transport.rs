//! The way to AWS over sockets: which connection a request takes, and what becomes of it when one breaks.

use keystead_core::store::{Connection, Store};
use keystead_functions::transport;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
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
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let connection = Connection {
        http: transport::aws_client().expect("a client"),
        region: "eu-central-1".to_owned(),
        credentials: Some(Connection::credentials("AKID", "secret-of-the-tests", None)),
        endpoint: Some(format!("http://{address}")),
        attempt_timeout: Some(Connection::ATTEMPT_TIMEOUT),
        retries: true,
        catalog_kept: Connection::CATALOG_KEPT,
        measure_capacity: false,
    };
    (Store::new(connection, ""), listener)
}

/// Reads a request, which is answered before the next comes.
async fn request(stream: &mut TcpStream) -> bool {
    let mut asked = Vec::new();
    loop {
        if stream.read_buf(&mut asked).await.unwrap_or_default() == 0 {
            return false;
        }
        // The body, which is JSON, ends with its last brace.
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
        store.warm_up().await.expect("an answer");
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
    let refused = store.warm_up().await.expect_err("nobody is there");
    assert!(format!("{refused:?}").contains("refused"), "{refused:?}");
}
