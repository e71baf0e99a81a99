//! Reads and writes the secrets of a deployment.

use std::fmt;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use keystead_core::{clock::Clock, config::AwsEnvironment};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::aws::{
    call::{CallError, Service},
    transport,
};

/// Why the secret can't be read or written.
#[derive(Debug)]
pub enum SecretError {
    /// Nothing was ever written to it.
    Empty,
    /// Somebody else has written the version that was to be written.
    AlreadyWritten,
    /// Secrets Manager refuses for another reason, or gives no good answer.
    Call(CallError),
}

impl SecretError {
    /// Whether Secrets Manager says that the caller may not: which is so for some seconds after a role was made.
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::Call(CallError::Refused { kind, .. }) if kind == "AccessDeniedException")
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the secret holds nothing yet"),
            Self::AlreadyWritten => f.write_str("the secret was written by somebody else"),
            Self::Call(error) => write!(f, "Secrets Manager {error}"),
        }
    }
}

impl std::error::Error for SecretError {}

impl From<CallError> for SecretError {
    fn from(error: CallError) -> Self {
        match &error {
            // The secret itself is made by the template: it is its value that is not there.
            CallError::Refused { kind, message }
                if kind == "ResourceNotFoundException" && message.contains("AWSCURRENT") =>
            {
                Self::Empty
            }
            CallError::Refused { kind, .. } if kind == "ResourceExistsException" => Self::AlreadyWritten,
            CallError::Refused { .. } | CallError::Failed(_) => Self::Call(error),
        }
    }
}

/// A document in Secrets Manager, and the version of it that was read.
pub struct Version {
    /// The document.
    pub text: String,
    /// The version's id.
    pub id: String,
}

impl Version {
    /// The id of the version after this one: of two that change the same version, Secrets Manager refuses the second.
    pub fn next_id(&self) -> String {
        hex::encode(Sha256::digest(self.id.as_bytes()))
    }
}

/// Secrets Manager, in one region and with one's credentials.
pub struct SecretsManager(Service);

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
        let endpoint = environment.secrets_manager_endpoint.clone();
        let endpoint = endpoint.unwrap_or_else(|| transport::endpoint("secretsmanager", &environment.region));
        Self(Service::new("secretsmanager", endpoint, environment, connector, clock))
    }

    /// The current version of the secret's document.
    ///
    /// # Errors
    /// [`SecretError::Empty`], and when Secrets Manager refuses or can't be reached.
    pub async fn read(&self, secret: &str) -> Result<Version, SecretError> {
        let reply = self.call("GetSecretValue", &json!({ "SecretId": secret })).await?;
        let text = |name: &str| reply[name].as_str().map(str::to_owned);
        match (text("SecretString"), text("VersionId")) {
            // Somebody may have made the secret by hand, without a value.
            (Some(text), _) if text.trim().is_empty() => Err(SecretError::Empty),
            (Some(text), Some(id)) => Ok(Version { text, id }),
            (None, _) => Err(SecretError::Empty),
            (Some(_), None) => Err(CallError::Failed("the answer names no version".into()).into()),
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

    /// A repetition is harmless: a read is one, and a version is written once.
    async fn call(&self, operation: &str, request: &Value) -> Result<Value, SecretError> {
        let target = format!("secretsmanager.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &target),
        ];
        Ok(self.0.post("/", &headers, request).await?)
    }
}
