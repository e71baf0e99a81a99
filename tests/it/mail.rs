//! Mail through Amazon SES, which here is a socket that keeps what it is asked.

use std::time::Duration;

use keystead_core::config::AwsEnvironment;
use keystead_functions::{
    context::Context,
    mail::{Mailer, Ses},
    transport,
};
use keystead_tests::{Answer, PASSWORD, TestApp};
use ring::hmac;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

/// What SES was asked: the request's head, and its body.
struct Asked {
    head: String,
    body: String,
}

impl Asked {
    fn header(&self, wanted: &str) -> &str {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        let found: Vec<_> = headers
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
            .collect();
        let [value] = found[..] else {
            panic!("{wanted} in {}", self.head)
        };
        value
    }

    fn body(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// How SES answers: the status, a header or none, and the body.
type Reply<'a> = (u16, &'a str, &'a str);

const SENT: Reply<'_> = (200, "", r#"{"MessageId":"m-1"}"#);

/// Answers as many requests, one after the other, and tells what they were. With `None`, there is no answer.
async fn answer(listener: TcpListener, replies: &[Option<Reply<'_>>]) -> Vec<Asked> {
    let mut all = Vec::new();
    for reply in replies {
        let accepted = timeout(Duration::from_secs(10), listener.accept());
        let (mut stream, _) = accepted.await.expect("asked in time").expect("a connection");
        let mut asked = Vec::new();
        let asked = loop {
            assert_ne!(stream.read_buf(&mut asked).await.expect("a request"), 0);
            let Some((head, body)) = std::str::from_utf8(&asked).expect("text").split_once("\r\n\r\n") else {
                continue;
            };
            let asked = Asked {
                head: head.to_owned(),
                body: body.to_owned(),
            };
            if asked.header("content-length").parse() == Ok(body.len()) {
                break asked;
            }
        };
        all.push(asked);
        if let Some((status, header, body)) = reply {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} -\r\nConnection: close\r\nContent-Length: {length}\r\n{header}");
            let reply = format!("{head}\r\n{body}");
            stream.write_all(reply.as_bytes()).await.expect("a reply");
        }
    }
    all
}

const SECRET: &str = "secret-of-the-tests";

/// A service whose mail goes to what listens there.
async fn mailing() -> (TestApp, TcpListener) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = TestApp::start().await;
    let environment = AwsEnvironment {
        region: "eu-central-1".to_owned(),
        access_key_id: "AKID".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: None,
        dynamodb_endpoint: None,
        ses_endpoint: Some(format!("http://{address}")),
        secrets_manager_endpoint: None,
    };
    let connector = transport::aws_connector().expect("a connector");
    let from = "Licenses <licenses@example.com>".to_owned();
    let cx = Context {
        mailer: Mailer::Ses(Ses::new(connector, &environment, app.cx.clock.clone(), from)),
        ..(*app.cx).clone()
    };
    (app.with_context(cx), listener)
}

/// Registers, while SES answers like this: what SES was asked, and what the service answers.
async fn register(app: &TestApp, listener: TcpListener, replies: &[Option<Reply<'_>>]) -> (Vec<Asked>, Answer) {
    let who = json!({ "email": "ann@example.com", "password": PASSWORD });
    let stranger = app.stranger();
    tokio::join!(answer(listener, replies), stranger.post("/api/auth/register", who))
}

#[tokio::test]
async fn mail_goes_through_ses() {
    let (app, listener) = mailing().await;
    let (asked, answer) = register(&app, listener, &[Some(SENT)]).await;
    answer.expect_body(200, &json!({ "success": true }));
    let [asked] = &asked[..] else { panic!("one mail") };
    assert!(
        asked.head.starts_with("POST /v2/email/outbound-emails HTTP/1.1\r\n"),
        "{}",
        asked.head
    );
    assert_eq!(asked.header("content-type"), "application/json");
    let body = asked.body();
    assert_eq!(body["FromEmailAddress"], "Licenses <licenses@example.com>");
    assert_eq!(body["Destination"], json!({ "ToAddresses": ["ann@example.com"] }));
    let simple = &body["Content"]["Simple"];
    let subject = json!({ "Data": "Verify your email address", "Charset": "UTF-8" });
    assert_eq!(simple["Subject"], subject);
    assert_eq!(simple["Body"]["Text"]["Charset"], "UTF-8");
    let text = simple["Body"]["Text"]["Data"].as_str().expect("a text");
    let token = text.split_whitespace().find(|word| word.len() > 100).expect("a token");
    let verify = json!({ "token": token });
    app.stranger().post("/api/auth/verify", verify).await.expect(200);
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computed as AWS says, <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>, and
/// with nothing of what signs.
#[tokio::test]
async fn what_ses_is_asked_is_signed_as_aws_demands() {
    let (app, listener) = mailing().await;
    let (asked, _) = register(&app, listener, &[Some(SENT)]).await;
    let [asked] = &asked[..] else { panic!("one mail") };

    let time = asked.header("x-amz-date");
    let day = &time[..8];
    let names = "content-type;host;x-amz-date";
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", asked.header(name)))
        .collect();
    let body = hex(Sha256::digest(&asked.body));
    let canonical = format!("POST\n/v2/email/outbound-emails\n\n{headers}\n{names}\n{body}");
    let scope = format!("{day}/eu-central-1/ses/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(Sha256::digest(canonical)));
    let key = format!("AWS4{SECRET}").into_bytes();
    let key = [day, "eu-central-1", "ses", "aws4_request"]
        .iter()
        .fold(key, |key, part| hmac(&key, part));
    let signature = hex(hmac(&key, &to_sign));
    assert_eq!(
        asked.header("authorization"),
        format!("AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders={names}, Signature={signature}")
    );
}

#[tokio::test]
async fn mail_that_ses_refuses_is_told_to_the_log_by_its_kind_alone() {
    let words = r#"{"message":"Email address is not verified: ann@example.com"}"#;
    let in_body =
        r#"{"__type":"com.amazonaws.ses#MessageRejected","message":"Email address is not verified: ann@example.com"}"#;
    let header = "x-amzn-ErrorType: MessageRejected:http://internal.amazon.com/coral/com.amazonaws.ses/\r\n";
    for (header, body) in [(header, words), ("", in_body)] {
        let (app, listener) = mailing().await;
        let (_, answer) = register(&app, listener, &[Some((400, header, body))]).await;
        answer.expect_body(500, &json!({ "error": "Internal error" }));
        let log = app.cx.log.written();
        assert!(log.contains("SES refused a mail: MessageRejected"), "{log}");
        assert!(!log.contains("ann@example.com") && !log.contains("coral"), "{log}");
    }
}

#[tokio::test]
async fn mail_that_ses_has_no_time_for_is_sent_again() {
    let busy = (429, "x-amzn-ErrorType: TooManyRequestsException\r\n", "{}");
    let throttled = (400, "", r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
    let broken = (503, "", "<html>");
    for failures in [vec![Some(busy), Some(broken)], vec![Some(throttled)], vec![None]] {
        let (app, listener) = mailing().await;
        let replies: Vec<_> = failures.iter().copied().chain([Some(SENT)]).collect();
        let (asked, answer) = register(&app, listener, &replies).await;
        answer.expect_body(200, &json!({ "success": true }));
        assert!(asked.iter().all(|again| again.body == asked[0].body), "the same mail");
    }

    let (app, listener) = mailing().await;
    let (_, answer) = register(&app, listener, &[Some(broken); 3]).await;
    answer.expect_body(500, &json!({ "error": "Internal error" }));
    let log = app.cx.log.written();
    assert!(log.contains("SES refused a mail: status 503"), "{log}");
}
