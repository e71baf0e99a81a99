//! Calls to the services of AWS that Keystead asks for an operation or two, without their SDKs: an SDK brings all that its
//! service can do, for every binary to be built from (docs/adr/0023-services-by-hand.md).

use std::{
    error::Error,
    fmt,
    iter::successors,
    time::{Duration, UNIX_EPOCH},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use keystead_core::{Timestamp, clock::Clock, config::AwsEnvironment, ids, store::Connection};
use serde_json::Value;

/// Why a service did not do what it was asked.
#[derive(Debug)]
pub enum CallError {
    /// It refused, by this kind of error and in these words.
    Refused {
        /// Such as `AccessDeniedException`.
        kind: String,
        /// Its words, if it had any.
        message: String,
    },
    /// No good answer came.
    Failed(BoxError),
}

type BoxError = Box<dyn Error + Send + Sync>;

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { kind, message } if message.is_empty() => write!(f, "refuses: {kind}"),
            Self::Refused { kind, message } => write!(f, "refuses: {kind}: {message}"),
            Self::Failed(error) => {
                f.write_str("gave no good answer")?;
                // What the connector says is little more than that; the reason is further down.
                successors(Some::<&dyn Error>(&**error), |&error| error.source())
                    .try_for_each(|error| write!(f, ": {error}"))
            }
        }
    }
}

impl Error for CallError {}

/// The credentials in `environment`.
pub(crate) fn credentials(environment: &AwsEnvironment) -> Credentials {
    Connection::credentials(
        &environment.access_key_id,
        &environment.secret_access_key,
        environment.session_token.clone(),
    )
}

/// A service of AWS, in one region and with one's credentials.
#[derive(Clone)]
pub(crate) struct Service {
    /// The name by which signatures know it.
    name: &'static str,
    endpoint: String,
    region: String,
    credentials: Credentials,
    connector: SharedHttpConnector,
    clock: Clock,
}

/// How often a call is sent.
const ATTEMPTS: u32 = 3;

/// How long an attempt may take. Three of them fit into the ten seconds that Lambda gives a start, and leave a request five of
/// its fifteen.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long is waited at most before a call is sent again, and twice as long the next time: after a failure, and when the
/// service was asked too often, which it counts by the second.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
const AFTER_THROTTLING: Duration = Duration::from_secs(1);

/// What services call it when they are asked too often.
const THROTTLED: [&str; 3] = [
    "LimitExceededException",
    "ThrottlingException",
    "TooManyRequestsException",
];

impl Service {
    /// The service of this name at `endpoint`, in the region and with the credentials of `environment`.
    pub(crate) fn new(
        name: &'static str,
        endpoint: String,
        environment: &AwsEnvironment,
        connector: SharedHttpConnector,
        clock: Clock,
    ) -> Self {
        Self {
            name,
            endpoint,
            region: environment.region.clone(),
            credentials: credentials(environment),
            connector,
            clock,
        }
    }

    /// What the service answers to `body`. It is sent again when no answer comes, or one that says that it may be, so who
    /// asks has to bear that it is done twice.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Value, CallError> {
        let url = format!("{}{path}", self.endpoint.trim_end_matches('/'));
        let body = body.to_string();
        let mut attempt = 1;
        loop {
            let sent = tokio::time::timeout(ATTEMPT_TIMEOUT, self.send(&url, headers, &body));
            let answered = match sent.await.unwrap_or_else(|late| Err(late.into())) {
                Ok(reply) => judge(&reply),
                Err(error) => Err((CallError::Failed(error), Some(AFTER_FAILURE))),
            };
            match answered {
                Ok(answer) => return Ok(answer),
                Err((_, Some(longest))) if attempt < ATTEMPTS => {
                    tokio::time::sleep(ids::jitter(longest * attempt)).await;
                }
                Err((error, _)) => return Err(error),
            }
            attempt += 1;
        }
    }

    async fn send(&self, url: &str, headers: &[(&str, &str)], body: &str) -> Result<http::Response<Bytes>, BoxError> {
        let identity = self.credentials.clone().into();
        let now = self.clock.now().since(Timestamp::from_millis(0));
        let signing = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.name)
            .time(UNIX_EPOCH + now)
            .settings(SigningSettings::default())
            .build()?;
        let signable = SignableRequest::new(
            "POST",
            url,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (instructions, _) = sign(signable, &signing.into())?.into_parts();
        let mut request = http::Request::post(url);
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(SdkBody::from(body))?;
        instructions.apply_to_request_http1x(&mut request);
        let reply = self.connector.call(HttpRequest::try_from(request)?).await?;
        let (head, body) = reply.try_into_http1x()?.into_parts();
        Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

/// What a reply answers; or why it does not, and how long at most to wait before the call may be sent again. AWS's protocols
/// put the kind of an error into a header, or into one of two fields, with a namespace before it or an address after it
/// (<https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>).
fn judge(reply: &http::Response<Bytes>) -> Result<Value, (CallError, Option<Duration>)> {
    let status = reply.status();
    let body = serde_json::from_slice::<Value>(reply.body());
    if status == 200 {
        return body.map_err(|error| (CallError::Failed(error.into()), None));
    }
    let body = body.unwrap_or_default();
    let text = |name: &str| body[name].as_str();
    let header = reply.headers().get("x-amzn-errortype");
    let kind = header
        .and_then(|kind| kind.to_str().ok())
        .or(text("__type"))
        .or(text("code"))
        .and_then(|kind| kind.split(':').next()?.rsplit('#').next());
    let again = if status == 429 || kind.is_some_and(|kind| THROTTLED.contains(&kind)) {
        Some(AFTER_THROTTLING)
    } else {
        status.is_server_error().then_some(AFTER_FAILURE)
    };
    let number = || format!("status {}", status.as_u16());
    let error = match kind {
        None if status.is_server_error() => CallError::Failed(number().into()),
        _ => CallError::Refused {
            kind: kind.map_or_else(number, str::to_owned),
            message: text("message").or(text("Message")).unwrap_or_default().to_owned(),
        },
    };
    Err((error, again))
}
