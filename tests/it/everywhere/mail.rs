//! Mail through Amazon SES: over a socket that keeps what it is asked, and from a service that is not always well.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use keystead_core::config::AwsEnvironment;
use keystead_functions::{
    aws::transport,
    frame::{
        context::Context,
        mail::{Mailer, Ses},
    },
};
use keystead_tests::{Answer, PASSWORD, TestApp, token_in};
use ring::hmac;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::Instant,
};

const SECRET: &str = "secret-of-the-tests";

/// A service whose mail goes over this connector to SES at `endpoint`.
async fn mailing(connector: SharedHttpConnector, endpoint: String) -> TestApp {
    let app = TestApp::start().await;
    let environment = AwsEnvironment {
        region: "eu-central-1".to_owned(),
        access_key_id: "AKID".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: Some("session+of/the=tests".to_owned()),
        dynamodb_endpoint: None,
        ses_endpoint: Some(endpoint),
        secrets_manager_endpoint: None,
    };
    let from = "Licenses <licenses@example.com>".to_owned();
    let cx = Context {
        mailer: Mailer::Ses(Ses::new(connector, &environment, app.cx.clock.clone(), from)),
        ..(*app.cx).clone()
    };
    app.with_context(cx)
}

async fn register(app: &TestApp) -> Answer {
    let who = json!({ "email": "ann@example.com" });
    app.stranger().post("/api/auth/register", who).await
}

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
}

/// Answers one request as SES does, and tells what it was.
async fn answer_once(listener: TcpListener) -> Asked {
    let (mut stream, _) = listener.accept().await.expect("a connection");
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
    let reply = r#"{"MessageId":"m-1"}"#;
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{reply}", reply.len());
    stream.write_all(reply.as_bytes()).await.expect("a reply");
    asked
}

/// Somebody has registered: the service, what SES was asked, and what the service answered.
async fn registered() -> (TestApp, Asked, Answer) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let connector = transport::aws_connector().expect("a connector");
    let app = mailing(connector, format!("http://{address}")).await;
    let (asked, answer) = tokio::join!(answer_once(listener), register(&app));
    (app, asked, answer)
}

#[tokio::test]
async fn mail_goes_through_ses() {
    let (app, asked, answer) = registered().await;
    answer.expect_body(200, &json!({ "success": true }));
    assert!(
        asked.head.starts_with("POST /v2/email/outbound-emails HTTP/1.1\r\n"),
        "{}",
        asked.head
    );
    assert_eq!(asked.header("content-type"), "application/json");
    let body: Value = serde_json::from_str(&asked.body).expect("JSON");
    assert_eq!(body["FromEmailAddress"], "Licenses <licenses@example.com>");
    assert_eq!(body["Destination"], json!({ "ToAddresses": ["ann@example.com"] }));
    let simple = &body["Content"]["Simple"];
    let subject = json!({ "Data": "Choose a password", "Charset": "UTF-8" });
    assert_eq!(simple["Subject"], subject);
    assert_eq!(simple["Body"]["Text"]["Charset"], "UTF-8");
    let text = simple["Body"]["Text"]["Data"].as_str().expect("a text");
    let verify = json!({ "token": token_in(text).expect("a token"), "password": PASSWORD });
    app.stranger().post("/api/auth/verify", verify).await.expect(200);
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// Computed as AWS says, <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>, and
/// with nothing of what signs.
#[tokio::test]
async fn what_ses_is_asked_is_signed_as_aws_demands() {
    let (app, asked, _) = registered().await;
    let time = asked.header("x-amz-date");
    let digits: String = app
        .cx
        .clock
        .now()
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let (day, hour) = (&digits[..8], &digits[8..14]);
    assert_eq!(time, format!("{day}T{hour}Z"));

    let names = "content-type;host;x-amz-date;x-amz-security-token";
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", asked.header(name)))
        .collect();
    let body = hex::encode(Sha256::digest(&asked.body));
    let canonical = format!("POST\n/v2/email/outbound-emails\n\n{headers}\n{names}\n{body}");
    let scope = format!("{day}/eu-central-1/ses/aws4_request");
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let key = format!("AWS4{SECRET}").into_bytes();
    let key = [day, "eu-central-1", "ses", "aws4_request"]
        .iter()
        .fold(key, |key, part| hmac(&key, part));
    let signature = hex::encode(hmac(&key, &to_sign));
    assert_eq!(
        asked.header("authorization"),
        format!("AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders={names}, Signature={signature}")
    );
    assert_eq!(asked.header("x-amz-security-token"), "session+of/the=tests");
}

/// What SES does with a request.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Answers with this status, kind of error in the header, and body.
    Answer(u16, Option<&'static str>, &'static str),
    /// Closes the connection.
    Close,
    /// Says nothing.
    Silence,
}

const SENT: Turn = Turn::Answer(200, None, r#"{"MessageId":"m-1"}"#);

/// SES, without a network.
#[derive(Clone, Debug, Default)]
struct Service(Arc<Mutex<Course>>);

/// What it does next, and the bodies that it was sent.
#[derive(Debug, Default)]
struct Course {
    turns: VecDeque<Turn>,
    bodies: Vec<Vec<u8>>,
}

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut course = self.0.lock().expect("a lock");
        course.bodies.push(request.body().bytes().expect("a body").to_vec());
        match course.turns.pop_front().expect("SES is not asked so often") {
            Turn::Answer(status, kind, body) => {
                let status = StatusCode::try_from(status).expect("a status");
                let mut reply = HttpResponse::new(status, SdkBody::from(body));
                if let Some(kind) = kind {
                    reply.headers_mut().insert("x-amzn-errortype", kind);
                }
                HttpConnectorFuture::ready(Ok(reply))
            }
            Turn::Close => HttpConnectorFuture::ready(Err(ConnectorError::io("it hung up".into()))),
            Turn::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

/// Somebody registers while SES does this: the service, what it answers, how long it took, and how often SES was sent the
/// mail, which is the same each time.
async fn registered_while(turns: &[Turn]) -> (TestApp, Answer, Duration, usize) {
    let service = Service::default();
    service.0.lock().expect("a lock").turns.extend(turns);
    let connector = SharedHttpConnector::new(service.clone());
    let app = mailing(connector, "http://ses.example.com/".to_owned()).await;
    let began = Instant::now();
    let answer = register(&app).await;
    let took = began.elapsed();
    let bodies = &service.0.lock().expect("a lock").bodies;
    assert!(bodies.iter().all(|again| *again == bodies[0]), "another mail");
    (app, answer, took, bodies.len())
}

#[tokio::test(start_paused = true)]
async fn mail_that_ses_refuses_is_told_to_the_log_by_its_kind_alone() {
    let words = r#"{"message":"Email address is not verified: ann@example.com"}"#;
    let kind = "MessageRejected:http://internal.amazon.com/coral/com.amazonaws.ses/";
    let both =
        r#"{"__type":"com.amazonaws.ses#MessageRejected","message":"Email address is not verified: ann@example.com"}"#;
    for turn in [Turn::Answer(400, Some(kind), words), Turn::Answer(400, None, both)] {
        let (app, answer, _, times) = registered_while(&[turn]).await;
        answer.expect_body(500, &json!({ "error": "Internal error" }));
        assert_eq!(times, 1, "a refusal stands");
        let log = app.cx.log.written();
        assert!(log.contains("SES refused a mail: MessageRejected\""), "{log}");
        assert!(!log.contains("ann@example.com"), "{log}");
    }
    let (app, _, _, times) = registered_while(&[Turn::Answer(403, None, "<html>")]).await;
    assert_eq!(times, 1);
    let log = app.cx.log.written();
    assert!(log.contains("SES refused a mail: status 403\""), "{log}");
}

#[tokio::test(start_paused = true)]
async fn mail_that_ses_has_no_time_for_is_sent_again() {
    let throttled = [
        Turn::Answer(429, None, "{}"),
        Turn::Answer(400, Some("TooManyRequestsException"), "{}"),
        Turn::Answer(400, Some("LimitExceededException"), "{}"),
        Turn::Answer(
            400,
            None,
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
        ),
    ];
    let failed = [
        Turn::Answer(503, None, "<html>"),
        Turn::Answer(500, Some("InternalServiceErrorException"), "{}"),
        Turn::Close,
        Turn::Silence,
    ];
    for turn in throttled.into_iter().chain(failed) {
        let (_, answer, _, times) = registered_while(&[turn, turn, SENT]).await;
        answer.expect_body(200, &json!({ "success": true }));
        assert_eq!(times, 3, "{turn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn mail_that_ses_does_not_take_in_time_is_given_up() {
    let reasons = [
        (
            Turn::Answer(503, None, "<html>"),
            "SES gave no good answer: status 503\"",
        ),
        (
            Turn::Answer(503, Some("ServiceUnavailable"), "{}"),
            "SES refused a mail: ServiceUnavailable\"",
        ),
        (Turn::Close, "SES gave no good answer: io error: it hung up\""),
        (Turn::Silence, "SES gave no good answer: deadline has elapsed\""),
    ];
    for (turn, reason) in reasons {
        let (app, answer, took, times) = registered_while(&[turn; 3]).await;
        answer.expect_body(500, &json!({ "error": "Internal error" }));
        assert_eq!(times, 3, "{turn:?}");
        assert!(took < Duration::from_secs(10), "a function has fifteen: {took:?}");
        let log = app.cx.log.written();
        assert!(log.contains(reason), "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_ses_that_is_none_does_not_have_the_mail_sent_again() {
    let (app, answer, _, times) = registered_while(&[Turn::Answer(200, None, "<html>")]).await;
    answer.expect_body(500, &json!({ "error": "Internal error" }));
    assert_eq!(times, 1);
    let log = app.cx.log.written();
    assert!(
        log.contains("SES gave no good answer: expected value at line 1"),
        "{log}"
    );
}
