//! Mail through Amazon SES, which here is a socket that keeps what it is asked.

use keystead_core::store::Connection;
use keystead_functions::{
    context::Context,
    mail::{Mailer, Ses},
    transport,
};
use keystead_tests::{PASSWORD, TestApp};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// What SES was asked: the request's head, and its body.
struct Asked {
    head: String,
    body: Value,
}

/// Answers one request with this, and tells what it was.
async fn answer_once(listener: TcpListener, status: &str, reply: &str) -> Asked {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut asked = Vec::new();
    let (head, length) = loop {
        assert_ne!(stream.read_buf(&mut asked).await.expect("a request"), 0);
        let text = String::from_utf8_lossy(&asked);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length.is_none_or(|length: usize| body.len() >= length) {
            break (head.to_owned(), length);
        }
    };
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{reply}",
        reply.len()
    );
    stream.write_all(reply.as_bytes()).await.expect("a reply");
    let body = &asked[asked.len() - length.expect("a body")..];
    Asked {
        head: head.to_lowercase(),
        body: serde_json::from_slice(body).expect("JSON"),
    }
}

/// A service whose mail goes to what listens there.
async fn mailing() -> (TestApp, TcpListener) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = TestApp::start().await;
    let ses = Ses::new(
        transport::aws_client().expect("a client"),
        "eu-central-1".to_owned(),
        Connection::credentials("AKID", "secret-of-the-tests", None),
        Some(format!("http://{address}")),
        "Licenses <licenses@example.com>".to_owned(),
    );
    let cx = Context {
        mailer: Mailer::Ses(ses),
        ..(*app.cx).clone()
    };
    (app.with_context(cx), listener)
}

#[tokio::test]
async fn mail_goes_through_ses() {
    let (app, listener) = mailing().await;
    let who = json!({ "email": "ann@example.com", "password": PASSWORD });
    let stranger = app.stranger();
    let (asked, answer) = tokio::join!(
        answer_once(listener, "200 OK", r#"{"MessageId":"m-1"}"#),
        stranger.post("/api/auth/register", who)
    );
    answer.expect_body(200, &json!({ "success": true }));
    assert!(
        asked.head.starts_with("post /v2/email/outbound-emails "),
        "{}",
        asked.head
    );
    assert!(asked.head.contains("/eu-central-1/ses/aws4_request"), "{}", asked.head);
    assert_eq!(asked.body["FromEmailAddress"], "Licenses <licenses@example.com>");
    assert_eq!(asked.body["Destination"]["ToAddresses"], json!(["ann@example.com"]));
    let simple = &asked.body["Content"]["Simple"];
    assert_eq!(simple["Subject"]["Data"], "Verify your email address");
    let text = simple["Body"]["Text"]["Data"].as_str().expect("a text");
    let token = text.split_whitespace().find(|word| word.len() > 100).expect("a token");
    let verify = json!({ "token": token });
    app.stranger().post("/api/auth/verify", verify).await.expect(200);
}

#[tokio::test]
async fn mail_that_ses_refuses_is_told_to_the_log_by_its_code_alone() {
    let (app, listener) = mailing().await;
    let who = json!({ "email": "ann@example.com", "password": PASSWORD });
    let refusal = r#"{"__type":"MessageRejected","message":"Email address is not verified: ann@example.com"}"#;
    let stranger = app.stranger();
    let (_, answer) = tokio::join!(
        answer_once(listener, "400 Bad Request", refusal),
        stranger.post("/api/auth/register", who)
    );
    answer.expect_body(500, &json!({ "error": "Internal error" }));
    let log = app.cx.log.written();
    assert!(log.contains("SES refused a mail: MessageRejected"), "{log}");
    assert!(!log.contains("ann@example.com"), "{log}");
}
