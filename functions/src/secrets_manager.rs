//! Reads and writes the one secret of a deployment, without the SDK of Secrets Manager: two calls are a hundred lines
//! here, and a megabyte there, of every binary (docs/adr/0023-secrets-manager-by-hand.md).

use std::time::{Duration, UNIX_EPOCH};

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
use http_body_util::BodyExt as _;
use keystead_core::{clock::Clock, config::AwsEnvironment, store::Connection};
use serde_json::{Value, json};

use crate::transport;

/// Why the secret can't be read or written.
#[derive(Debug)]
pub enum SecretError {
    /// Nothing was ever written to it.
    Empty,
    /// Somebody else has written the version that was to be written.
    AlreadyWritten,
    /// Secrets Manager refused, by this kind of error and in these words.
    Refused {
        /// Such as `AccessDeniedException`.
        kind: String,
        /// Its words.
        message: String,
    },
    /// No good answer came.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl std::fmt::Display for SecretError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("the secret holds nothing yet"),
            Self::AlreadyWritten => f.write_str("the secret was written by somebody else"),
            Self::Refused { kind, message } => write!(f, "Secrets Manager refuses: {kind}: {message}"),
            Self::Failed(error) => write!(f, "Secrets Manager can't be reached: {error}"),
        }
    }
}

impl std::error::Error for SecretError {}

/// A document in Secrets Manager, and the version of it that was read.
pub struct Version {
    /// The document.
    pub text: String,
    /// The version's id.
    pub id: String,
}

/// Secrets Manager, in one region and with one's credentials.
pub struct SecretsManager {
    connector: SharedHttpConnector,
    region: String,
    credentials: Credentials,
    endpoint: String,
    clock: Clock,
}

/// How often a call is sent, and how long is waited before it is sent again: then twice as long.
const ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// How long an attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

impl SecretsManager {
    /// Secrets Manager in the region and with the credentials of `environment`.
    ///
    /// # Errors
    /// When the certificates that are built in can't be read.
    pub fn new(environment: &AwsEnvironment, clock: Clock) -> keystead_core::Result<Self> {
        Ok(Self::over(transport::aws_connector()?, environment, clock))
    }

    /// As [`SecretsManager::new`], over a connector that others use as well.
    pub fn over(connector: SharedHttpConnector, environment: &AwsEnvironment, clock: Clock) -> Self {
        let region = environment.region.clone();
        Self {
            connector,
            credentials: Connection::credentials(
                &environment.access_key_id,
                &environment.secret_access_key,
                environment.session_token.clone(),
            ),
            endpoint: environment
                .secrets_manager_endpoint
                .clone()
                .unwrap_or_else(|| transport::endpoint("secretsmanager", &region)),
            region,
            clock,
        }
    }

    /// The current version of the secret's document.
    ///
    /// # Errors
    /// [`SecretError::Empty`], and when Secrets Manager refuses or can't be reached.
    pub async fn read(&self, secret: &str) -> Result<Version, SecretError> {
        let reply = self.call("GetSecretValue", &json!({ "SecretId": secret })).await?;
        let text = |name: &str| reply[name].as_str().map(str::to_owned);
        match (text("SecretString"), text("VersionId")) {
            (Some(text), Some(id)) => Ok(Version { text, id }),
            (None, _) => Err(SecretError::Empty),
            (Some(_), None) => Err(SecretError::Failed("the answer names no version".into())),
        }
    }

    /// Makes `document` the current version, unless the version `id` was written before with another document.
    ///
    /// # Errors
    /// [`SecretError::AlreadyWritten`], and when Secrets Manager refuses or can't be reached.
    pub async fn write(&self, secret: &str, document: &str, id: &str) -> Result<(), SecretError> {
        let request = json!({ "SecretId": secret, "SecretString": document, "ClientRequestToken": id });
        self.call("PutSecretValue", &request).await.map(drop)
    }

    async fn call(&self, operation: &str, request: &Value) -> Result<Value, SecretError> {
        let body = request.to_string();
        let mut backoff = FIRST_BACKOFF;
        let mut attempt = 1;
        loop {
            let outcome = match tokio::time::timeout(ATTEMPT_TIMEOUT, self.attempt(operation, &body)).await {
                Ok(outcome) => outcome,
                Err(late) => Err(late.into()),
            };
            // A repetition is harmless: a read is one, and a version is written once.
            let failure = match outcome {
                Ok((200, reply)) => {
                    return serde_json::from_slice(&reply).map_err(|error| SecretError::Failed(error.into()));
                }
                Ok((status, reply)) => {
                    let refusal = refusal(&reply);
                    let throttled =
                        matches!(&refusal, SecretError::Refused { kind, .. } if kind == "ThrottlingException");
                    if status < 500 && !throttled {
                        return Err(refusal);
                    }
                    refusal
                }
                Err(error) => SecretError::Failed(error),
            };
            if attempt == ATTEMPTS {
                return Err(failure);
            }
            attempt += 1;
            tokio::time::sleep(backoff).await;
            backoff *= 2;
        }
    }

    async fn attempt(
        &self,
        operation: &str,
        body: &str,
    ) -> Result<(u16, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
        let target = format!("secretsmanager.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &target),
        ];
        let identity = self.credentials.clone().into();
        let now = self.clock.now().since(keystead_core::Timestamp::from_millis(0));
        let signing = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("secretsmanager")
            .time(UNIX_EPOCH + now)
            .settings(SigningSettings::default())
            .build()?;
        let signable = SignableRequest::new(
            "POST",
            self.endpoint.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (instructions, _) = sign(signable, &signing.into())?.into_parts();
        let mut request = http::Request::post(&self.endpoint);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(SdkBody::from(body))?;
        instructions.apply_to_request_http1x(&mut request);
        let reply = self.connector.call(HttpRequest::try_from(request)?).await?;
        let status = reply.status().as_u16();
        Ok((status, reply.into_body().collect().await?.to_bytes().to_vec()))
    }
}

fn refusal(reply: &[u8]) -> SecretError {
    let reply: Value = serde_json::from_slice(reply).unwrap_or_default();
    let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
    let kind = text("__type").rsplit('#').next().unwrap_or_default().to_owned();
    let message = if reply["message"].is_string() {
        text("message")
    } else {
        text("Message")
    };
    match kind.as_str() {
        // The secret itself is made by the template: it is its value that is not there.
        "ResourceNotFoundException" if message.contains("AWSCURRENT") => SecretError::Empty,
        "ResourceExistsException" => SecretError::AlreadyWritten,
        _ => SecretError::Refused { kind, message },
    }
}
