//! Calls to the services of AWS that Keystead asks for an operation or two, without their SDKs: an SDK brings all that its
//! service can do, for every binary to be built from (docs/adr/0023-services-by-hand.md).

use std::{
    fmt,
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
use keystead_core::{Timestamp, clock::Clock, config::AwsEnvironment, store::Connection};
use serde_json::Value;

/// Why a service did not do what it was asked.
#[derive(Debug)]
pub enum CallError {
    /// It refused, by this kind of error and in these words.
    Refused {
        /// Such as `AccessDeniedException`.
        kind: String,
        /// Its words.
        message: String,
    },
    /// No good answer came.
    Failed(BoxError),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { kind, message } => write!(f, "refuses: {kind}: {message}"),
            Self::Failed(error) => write!(f, "can't be reached: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

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

/// How often a call is sent, and how long is waited before it is sent again: then twice as long.
const ATTEMPTS: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// How long an attempt may take: all of them are over before the function's own time is (`Timeout` in `template.yaml`).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// What services call it when they are asked too often.
const THROTTLED: [&str; 2] = ["ThrottlingException", "TooManyRequestsException"];

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

    /// What the service answers to `body`. It is sent again when no answer comes, or one that says that it may be: so it
    /// must do no harm twice.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Value, CallError> {
        let url = format!("{}{path}", self.endpoint.trim_end_matches('/'));
        let body = body.to_string();
        let mut backoff = FIRST_BACKOFF;
        let mut attempt = 1;
        loop {
            let sent = tokio::time::timeout(ATTEMPT_TIMEOUT, self.send(&url, headers, &body));
            let failure = match sent.await.unwrap_or_else(|late| Err(late.into())) {
                Ok(reply) if reply.status() == 200 => {
                    return serde_json::from_slice(reply.body()).map_err(|error| CallError::Failed(error.into()));
                }
                Ok(reply) => {
                    let (kind, message) = refusal(&reply);
                    let passing = reply.status().is_server_error() || THROTTLED.contains(&kind.as_str());
                    let refused = CallError::Refused { kind, message };
                    if !passing {
                        return Err(refused);
                    }
                    refused
                }
                Err(error) => CallError::Failed(error),
            };
            if attempt == ATTEMPTS {
                return Err(failure);
            }
            attempt += 1;
            tokio::time::sleep(backoff).await;
            backoff *= 2;
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

/// What kind of error a service answered, and in which words. AWS's protocols put the kind into a header, or into one of two
/// fields, with a namespace before it or an address after it
/// (<https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>).
fn refusal(reply: &http::Response<Bytes>) -> (String, String) {
    let body: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
    let text = |name: &str| body[name].as_str();
    let header = reply.headers().get("x-amzn-errortype");
    let kind = header
        .and_then(|kind| kind.to_str().ok())
        .or(text("__type"))
        .or(text("code"));
    let kind = match kind {
        Some(kind) => {
            let name = kind.split(':').next().unwrap_or_default();
            name.rsplit('#').next().unwrap_or_default().to_owned()
        }
        None => format!("status {}", reply.status().as_u16()),
    };
    let message = text("message").or(text("Message")).unwrap_or_default();
    (kind, message.to_owned())
}
