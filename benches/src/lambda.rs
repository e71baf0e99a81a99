//! Lambda and Secrets Manager, as a function sees them: an address that it asks for events and sends answers to.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use keystead_core::{Timestamp, clock::Clock};
use serde_json::json;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{
        Mutex,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::JoinHandle,
};

/// How long a function may take for anything. Under an emulated processor, a start takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call that a function made to the runtime API, and when it came.
#[derive(Debug)]
pub enum Call {
    /// It asked for the next event.
    Next(Instant),
    /// It answered an event.
    Response(Instant, Bytes),
    /// It said that it can't go on.
    Error(String),
}

/// Lambda, for the process of one function.
#[derive(Debug)]
pub struct Lambda {
    /// What the function is told in `AWS_LAMBDA_RUNTIME_API`; Secrets Manager is here as well.
    pub address: SocketAddr,
    events: UnboundedSender<Bytes>,
    calls: Receiver<Call>,
    server: JoinHandle<()>,
}

impl Lambda {
    /// Listens on a loopback address of its own, for a function that is given `secrets`.
    ///
    /// # Errors
    /// When no address can be listened on.
    pub fn listen(runtime: &Runtime, secrets: &str) -> io::Result<Self> {
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let (events, waiting) = unbounded_channel();
        let (said, calls) = mpsc::channel();
        let side = Arc::new(Side {
            secret: json!({ "SecretString": secrets, "VersionId": "1" }).to_string(),
            waiting: Mutex::new(waiting),
            said,
        });
        Ok(Self {
            address,
            events,
            calls,
            server: runtime.spawn(serve(listener, side)),
        })
    }

    /// Gives the function an event. Answers when.
    pub fn invoke(&self, event: &[u8]) -> Instant {
        let event = Bytes::copy_from_slice(event);
        let at = Instant::now();
        // If nobody takes it, the wait for the answer says so.
        let _ = self.events.send(event);
        at
    }

    /// Waits until the function asks for the next event. Answers when it did.
    ///
    /// # Errors
    /// A sentence, when it does something else, or nothing.
    pub fn until_it_asks(&self) -> Result<Instant, String> {
        match self.call()? {
            Call::Next(at) => Ok(at),
            Call::Response(..) => Err("It answered where it should have asked.".to_owned()),
            Call::Error(error) => Err(format!("It failed: {error}")),
        }
    }

    /// Waits until the function answers an event. Answers when it did, and what.
    pub fn until_it_answers(&self) -> Result<(Instant, Bytes), String> {
        match self.call()? {
            Call::Response(at, answer) => Ok((at, answer)),
            Call::Next(_) => Err("It asked where it should have answered.".to_owned()),
            Call::Error(error) => Err(format!("It failed: {error}")),
        }
    }

    fn call(&self) -> Result<Call, String> {
        self.calls.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("It did nothing for {} s.", PATIENCE.as_secs()),
            RecvTimeoutError::Disconnected => "Nothing listens to it any more.".to_owned(),
        })
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What the server's tasks share.
struct Side {
    secret: String,
    waiting: Mutex<UnboundedReceiver<Bytes>>,
    said: mpsc::Sender<Call>,
}

async fn serve(listener: TcpListener, side: Arc<Side>) {
    while let Ok((stream, _)) = listener.accept().await {
        let side = Arc::clone(&side);
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(&side, request).await) });
            // An error here is a function that was ended.
            let _: Result<(), hyper::Error> = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(side: &Side, request: Request<Incoming>) -> Response<Full<Bytes>> {
    const RUNTIME: &str = "/2018-06-01/runtime/";

    // Nobody may be left to be told: the process is measured no longer.
    let say = |call| drop(side.said.send(call));
    let path = request.uri().path().to_owned();
    let is_post = request.method() == Method::POST;
    match path.strip_prefix(RUNTIME) {
        Some("invocation/next") => {
            say(Call::Next(Instant::now()));
            match side.waiting.lock().await.recv().await {
                Some(event) => invocation(event),
                None => plain(StatusCode::GONE, Bytes::new()),
            }
        }
        Some(end) if is_post => {
            let body = match request.into_body().collect().await {
                Ok(body) => body.to_bytes(),
                Err(_) => return plain(StatusCode::BAD_REQUEST, Bytes::new()),
            };
            say(if end.ends_with("/response") {
                Call::Response(Instant::now(), body)
            } else {
                Call::Error(String::from_utf8_lossy(&body).into_owned())
            });
            plain(StatusCode::ACCEPTED, Bytes::new())
        }
        None if is_post => plain(StatusCode::OK, Bytes::from(side.secret.clone())),
        Some(_) | None => plain(StatusCode::NOT_FOUND, Bytes::new()),
    }
}

fn plain(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}

fn invocation(event: Bytes) -> Response<Full<Bytes>> {
    let now = Clock::system().now().since(Timestamp::from_millis(0));
    let mut response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", (now + PATIENCE).as_millis().to_string())
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:bench",
        )
        .header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        );
    if let Some(headers) = response.headers_mut() {
        headers.insert(http::header::CONTENT_LENGTH, event.len().into());
    }
    response
        .body(Full::from(event))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()))
}
