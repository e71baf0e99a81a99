//! Makes a deployment's secrets: the custom resource `Bootstrap` of `template.yaml`.
//!
//! **Invariant**: it may run any number of times, also twice at once, and neither changes nor deletes a secret that exists.
//! Without its root key, every application that was shipped would lose its trust in the tokens.

use std::time::Duration;

use aws_smithy_runtime_api::client::{http::HttpConnector as _, orchestrator::HttpRequest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keystead_core::{
    Timestamp,
    clock::Clock,
    config::AwsEnvironment,
    signing::{keys::Algorithm, secrets::Secrets},
};
use keystead_functions::{
    aws::{
        secrets_manager::{SecretError, SecretsManager},
        transport,
    },
    frame::log::Log,
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

/// What CloudFormation asks.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    resource_properties: Properties,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum RequestType {
    Create,
    Update,
    Delete,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    secret_id: String,
    signing_algorithm: String,
}

/// The id of the first version of the secret. **Race**: two invocations write under the same id, so Secrets Manager refuses
/// the second.
const FIRST_VERSION: &str = "keystead-bootstrap-first-version";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Log::stdout().install();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        // A request that can't be read can't be answered either: CloudFormation waits for its ServiceTimeout.
        let request: Request = serde_json::from_value(event.payload)?;
        let outcome = answer(&request).await;
        if let Err(error) = &outcome {
            tracing::error!(cause = %error, "the secrets could not be made");
        }
        tell(&request, outcome).await
    }))
    .await
}

/// The root's public key, once the secrets are there; of a deletion, nothing.
async fn answer(request: &Request) -> Result<Option<String>, Error> {
    match request.request_type {
        RequestType::Create | RequestType::Update => {
            let environment = AwsEnvironment::from_env().map_err(|name| format!("Lambda did not set {name}"))?;
            let manager = SecretsManager::new(&environment, Clock::system())?;
            let secrets = bootstrap(&manager, &request.resource_properties, Clock::system().now()).await?;
            Ok(Some(secrets.root_public_key))
        }
        RequestType::Delete => Ok(None),
    }
}

/// Makes the secrets unless they are there, and answers them.
async fn bootstrap(manager: &SecretsManager, wanted: &Properties, now: Timestamp) -> Result<Secrets, Error> {
    let secret = &wanted.secret_id;
    let document = match manager.read(secret).await {
        Ok(version) => version.text,
        Err(SecretError::Empty) => {
            let algorithm = &wanted.signing_algorithm;
            let algorithm = Algorithm::parse(algorithm).ok_or_else(|| format!("{algorithm} is no algorithm"))?;
            let made = serde_json::to_string(&keystead_keygen::secrets(algorithm, now)?)?;
            match manager.write(secret, &made, FIRST_VERSION).await {
                Ok(()) => made,
                Err(SecretError::AlreadyWritten) => manager.read(secret).await?.text,
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    };
    Ok(serde_json::from_str(&document)?)
}

/// Timeout of the answer to CloudFormation. After a failure, Lambda retries the invocation.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers CloudFormation, which waits for it.
async fn tell(request: &Request, outcome: Result<Option<String>, Error>) -> Result<(), Error> {
    let mut answer = json!({
        "Status": if outcome.is_ok() { "SUCCESS" } else { "FAILED" },
        "PhysicalResourceId": request.resource_properties.secret_id,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_resource_id,
    });
    match outcome {
        Ok(Some(root_public_key)) => {
            answer["Data"] = json!({ "RootPublicKey": BASE64_STANDARD.encode(root_public_key) });
        }
        Ok(None) => {}
        Err(error) => answer["Reason"] = json!(error.to_string()),
    }
    // The address is signed for a request without a content type.
    let put = http::Request::put(&request.response_url)
        .header("content-type", "")
        .body(answer.to_string().into())?;
    let told = transport::aws_connector()?.call(HttpRequest::try_from(put)?);
    let reply = tokio::time::timeout(ANSWER_TIMEOUT, told).await??;
    let status = reply.status().as_u16();
    if status != 200 {
        return Err(format!("CloudFormation's address answered {status}").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use keystead_core::{Timestamp, clock::Clock, config::AwsEnvironment};
    use keystead_functions::aws::secrets_manager::SecretsManager;
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::{FIRST_VERSION, Properties, bootstrap};

    /// A secret in Secrets Manager: its versions, the last of which is current.
    #[derive(Default)]
    struct StoredSecret {
        versions: Vec<(String, String)>,
        /// Written by somebody else right after the first read.
        meanwhile: Option<String>,
    }

    impl StoredSecret {
        fn answer(&mut self, operation: &str, request: &Value) -> (u16, Value) {
            let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
            match operation {
                "GetSecretValue" => {
                    let answer = match self.versions.last() {
                        Some((id, text)) => (200, json!({ "SecretString": text, "VersionId": id })),
                        None => (
                            400,
                            json!({
                                "__type": "ResourceNotFoundException",
                                "Message": "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
                            }),
                        ),
                    };
                    if let Some(text) = self.meanwhile.take() {
                        self.versions.push((FIRST_VERSION.to_owned(), text));
                    }
                    answer
                }
                "PutSecretValue" => {
                    let (id, new) = (text("ClientRequestToken"), text("SecretString"));
                    match self.versions.iter().find(|(known, _)| *known == id) {
                        Some((_, old)) if *old != new => (400, json!({ "__type": "ResourceExistsException" })),
                        Some(_) => (200, json!({})),
                        None => {
                            self.versions.push((id, new));
                            (200, json!({}))
                        }
                    }
                }
                other => panic!("{other} is not granted"),
            }
        }
    }

    async fn serve(mut stream: TcpStream, stored: Arc<Mutex<StoredSecret>>) -> std::io::Result<()> {
        let mut asked = Vec::new();
        loop {
            let mut part = [0; 4096];
            let read = stream.read(&mut part).await?;
            asked.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&asked).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let header = |name: &str| {
                let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
                line.and_then(|line| line.split_once(':'))
                    .map_or("", |(_, value)| value.trim())
            };
            if body.len() < header("content-length").parse().unwrap_or(0) {
                continue;
            }
            assert!(
                header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=id/"),
                "{head}"
            );
            let operation = header("x-amz-target").trim_start_matches("secretsmanager.");
            let request = serde_json::from_str(body).expect("JSON");
            let (status, reply) = stored.lock().expect("a lock").answer(operation, &request);
            let reply = reply.to_string();
            let length = reply.len();
            let reply = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{reply}");
            return stream.write_all(reply.as_bytes()).await;
        }
    }

    async fn manager(stored: &Arc<Mutex<StoredSecret>>) -> SecretsManager {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stored = Arc::clone(stored);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, Arc::clone(&stored)).await.expect("an answer");
            }
        });
        let environment = AwsEnvironment {
            region: "eu-central-1".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            dynamodb_endpoint: None,
            ses_endpoint: None,
            secrets_manager_endpoint: Some(format!("http://{address}/")),
        };
        SecretsManager::new(&environment, Clock::system()).expect("a client")
    }

    fn wanted() -> Properties {
        Properties {
            secret_id: "keystead/keystead".to_owned(),
            signing_algorithm: "EdDSA".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_was_made_once_stays_with_what_others_wrote_beside_it() {
        let stored = Arc::new(Mutex::new(StoredSecret::default()));
        let manager = manager(&stored).await;
        let now = Timestamp::from_millis(0);
        let first = bootstrap(&manager, &wanted(), now).await.expect("secrets");
        assert_eq!(stored.lock().expect("a lock").versions.len(), 1);

        // A newer version keeps something more.
        let mut document: Value = serde_json::to_value(&first).expect("JSON");
        document["sessionKey"] = json!("of a later version");
        manager
            .write(
                "keystead/keystead",
                &document.to_string(),
                "a-later-version-of-the-secret-00",
            )
            .await
            .expect("written");
        let again = bootstrap(&manager, &wanted(), now).await.expect("secrets");
        assert_eq!(again.root_key, first.root_key);
        assert_eq!(
            serde_json::to_value(&again).expect("JSON"),
            document,
            "nothing is lost on the way through"
        );
        assert_eq!(
            stored.lock().expect("a lock").versions.len(),
            2,
            "and nothing is written"
        );
    }

    #[tokio::test]
    async fn of_two_at_once_both_have_the_secrets_of_the_first() {
        let now = Timestamp::from_millis(0);
        let others = keystead_keygen::secrets(keystead_core::signing::keys::Algorithm::EdDsa, now).expect("secrets");
        let stored = Arc::new(Mutex::new(StoredSecret {
            meanwhile: Some(serde_json::to_string(&others).expect("JSON")),
            ..StoredSecret::default()
        }));
        let made = bootstrap(&manager(&stored).await, &wanted(), now)
            .await
            .expect("secrets");
        assert_eq!(made.root_key, others.root_key);
        assert_eq!(stored.lock().expect("a lock").versions.len(), 1);
    }
}
