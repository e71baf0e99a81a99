//! Makes a deployment's secrets, and fails a deployment whose settings no function could start with: the custom resource
//! `Bootstrap` of `template.yaml`.
//!
//! **Invariant**: it may run any number of times, also twice at once, and neither changes nor deletes a secret that exists.
//! Without its root key, every application that was shipped would lose its trust in the tokens.

use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::{http::HttpConnector as _, orchestrator::HttpRequest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keystead_core::{
    Timestamp,
    clock::Clock,
    config::{AwsEnvironment, Config},
    signing::{
        keys::Algorithm,
        secrets::{RootKey, SigningKeys},
    },
};
use keystead_functions::{
    aws::{
        secrets_manager::{SecretError, SecretsManager, Version},
        transport,
    },
    frame::log::Log,
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
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
    root_secret_id: String,
    signing_secret_id: String,
    credentials_secret_id: String,
    accounts_secret_id: String,
    signing_algorithm: String,
}

/// The id of the first version of a secret. **Race**: two invocations write under the same id, so Secrets Manager refuses
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
            tracing::error!(cause = %error, "the deployment can't be used");
        }
        tell(&request, outcome).await
    }))
    .await
}

/// The root's public key, once the secrets are there; of a deletion, nothing.
async fn answer(request: &Request) -> Result<Option<String>, Error> {
    match request.request_type {
        RequestType::Create | RequestType::Update => {
            // Every function reads these when it starts, and would not start: now CloudFormation can still go back.
            Config::from_env()?.check()?;
            let environment = AwsEnvironment::from_env().map_err(|name| format!("Lambda did not set {name}"))?;
            let manager = SecretsManager::new(&environment, Clock::system())?;
            let root = bootstrap(&manager, &request.resource_properties, Clock::system().now()).await?;
            Ok(Some(root.root_public_key))
        }
        RequestType::Delete => Ok(None),
    }
}

/// Makes the secrets that are not there, renews certificates that end soon, and answers the root key.
async fn bootstrap(manager: &SecretsManager, wanted: &Properties, now: Timestamp) -> Result<RootKey, Error> {
    let deadline = Instant::now() + DENIAL_TIMEOUT;
    // The root first: it certifies the rest. Where there are signing keys, it has to be the one that they know.
    let found = match read_once_allowed(manager, &wanted.signing_secret_id, deadline).await {
        Ok(version) => Some(version),
        Err(SecretError::Empty) => None,
        Err(error) => return Err(error.into()),
    };
    let root: RootKey = match read_once_allowed(manager, &wanted.root_secret_id, deadline).await {
        Ok(version) => serde_json::from_str(&version.text)?,
        Err(SecretError::Empty) if found.is_some() => {
            return Err("the root key is missing and the signing keys are there: put the root key back".into());
        }
        Err(SecretError::Empty) => first(manager, &wanted.root_secret_id, keystead_keygen::root()?).await?,
        Err(error) => return Err(error.into()),
    };
    match found {
        Some(version) => renew(manager, &wanted.signing_secret_id, &version, &root, now).await?,
        None => {
            let algorithm = &wanted.signing_algorithm;
            let algorithm = Algorithm::parse(algorithm).ok_or_else(|| format!("{algorithm} is no algorithm"))?;
            let made = keystead_keygen::signing(&root, algorithm, now)?;
            first(manager, &wanted.signing_secret_id, made).await?;
        }
    }
    for (secret, made) in [
        (
            &wanted.credentials_secret_id,
            serde_json::to_value(keystead_keygen::credentials()?)?,
        ),
        (
            &wanted.accounts_secret_id,
            serde_json::to_value(keystead_keygen::accounts()?)?,
        ),
    ] {
        match read_once_allowed(manager, secret, deadline).await {
            Ok(_) => {}
            Err(SecretError::Empty) => drop(first(manager, secret, made).await?),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(root)
}

/// How long a role that was made may be denied what it is granted, all its reads together: IAM tells it round in seconds. Less than
/// this function's own timeout (`template.yaml`), so that it still says why it failed.
const DENIAL_TIMEOUT: Duration = Duration::from_secs(40);

/// How long to wait before a read that was denied is retried.
const DENIAL_BACKOFF: Duration = Duration::from_millis(500);

/// Reads a secret, and retries while the role of this function is too new to be known.
async fn read_once_allowed(manager: &SecretsManager, secret: &str, deadline: Instant) -> Result<Version, SecretError> {
    loop {
        match manager.read(secret).await {
            Err(error) if error.is_denial() && Instant::now() < deadline => {
                tokio::time::sleep(DENIAL_BACKOFF).await;
            }
            outcome => return outcome,
        }
    }
}

/// Writes the first version of a secret. Answers what is there: somebody else's, should they have been faster.
async fn first<T: Serialize + DeserializeOwned>(manager: &SecretsManager, secret: &str, made: T) -> Result<T, Error> {
    match manager
        .write(secret, &serde_json::to_string(&made)?, FIRST_VERSION)
        .await
    {
        Ok(()) => Ok(made),
        Err(SecretError::AlreadyWritten) => Ok(serde_json::from_str(&manager.read(secret).await?.text)?),
        Err(error) => Err(error.into()),
    }
}

/// Renews the certificates of signing keys that end soon.
async fn renew(
    manager: &SecretsManager,
    secret: &str,
    found: &Version,
    root: &RootKey,
    now: Timestamp,
) -> Result<(), Error> {
    let mut keys: SigningKeys = serde_json::from_str(&found.text)?;
    if !keystead_keygen::certify(&mut keys, root, now, false)? {
        return Ok(());
    }
    match manager
        .write(secret, &serde_json::to_string(&keys)?, &found.next_id())
        .await
    {
        // Somebody else does the same, or has just rotated the keys, whose new certificates are not due.
        Ok(()) | Err(SecretError::AlreadyWritten) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Timeout of the answer to CloudFormation. After a failure, Lambda retries the invocation.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers CloudFormation, which waits for it.
async fn tell(request: &Request, outcome: Result<Option<String>, Error>) -> Result<(), Error> {
    let mut answer = json!({
        "Status": if outcome.is_ok() { "SUCCESS" } else { "FAILED" },
        "PhysicalResourceId": request.resource_properties.root_secret_id,
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
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use keystead_core::{Timestamp, clock::Clock, config::AwsEnvironment, signing::certificate};
    use keystead_functions::aws::secrets_manager::SecretsManager;
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::{FIRST_VERSION, Properties, bootstrap};

    /// The secrets in Secrets Manager, by their names.
    #[derive(Default)]
    struct Stored(BTreeMap<String, StoredSecret>);

    impl Stored {
        fn of(&mut self, name: &str) -> &mut StoredSecret {
            self.0.entry(name.to_owned()).or_default()
        }

        fn versions(&mut self) -> Vec<usize> {
            let names = ["root", "signing", "credentials", "accounts"];
            names.map(|name| self.of(name).versions.len()).to_vec()
        }
    }

    /// A secret in Secrets Manager: its versions, the last of which is current.
    #[derive(Default)]
    struct StoredSecret {
        versions: Vec<(String, String)>,
        /// Written by somebody else right after the first read.
        meanwhile: Option<String>,
        /// How many reads are denied yet.
        denials: usize,
    }

    impl StoredSecret {
        fn answer(&mut self, operation: &str, request: &Value) -> (u16, Value) {
            let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
            match operation {
                "GetSecretValue" if self.denials > 0 => {
                    self.denials -= 1;
                    (400, json!({ "__type": "AccessDeniedException", "Message": "not yet" }))
                }
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

    async fn serve(mut stream: TcpStream, stored: Arc<Mutex<Stored>>) -> std::io::Result<()> {
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
            let request: Value = serde_json::from_str(body).expect("JSON");
            let named = request["SecretId"].as_str().expect("a name").to_owned();
            let (status, reply) = stored.lock().expect("a lock").of(&named).answer(operation, &request);
            let reply = reply.to_string();
            let length = reply.len();
            let reply = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{reply}");
            return stream.write_all(reply.as_bytes()).await;
        }
    }

    async fn manager(stored: &Arc<Mutex<Stored>>) -> SecretsManager {
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
            root_secret_id: "root".to_owned(),
            signing_secret_id: "signing".to_owned(),
            credentials_secret_id: "credentials".to_owned(),
            accounts_secret_id: "accounts".to_owned(),
            signing_algorithm: "EdDSA".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_was_made_once_stays_with_what_others_wrote_beside_it() {
        let stored = Arc::new(Mutex::new(Stored::default()));
        let manager = manager(&stored).await;
        let now = Timestamp::from_millis(0);
        let first = bootstrap(&manager, &wanted(), now).await.expect("secrets");
        assert_eq!(stored.lock().expect("a lock").versions(), [1, 1, 1, 1]);

        // A newer version keeps something more.
        let mut document: Value = serde_json::to_value(&first).expect("JSON");
        document["sessionKey"] = json!("of a later version");
        manager
            .write("root", &document.to_string(), "a-later-version-of-the-secret-00")
            .await
            .expect("written");
        let again = bootstrap(&manager, &wanted(), now).await.expect("secrets");
        assert_eq!(
            serde_json::to_value(&again).expect("JSON"),
            document,
            "nothing is lost on the way through"
        );
        assert_eq!(
            stored.lock().expect("a lock").versions(),
            [2, 1, 1, 1],
            "and nothing is written"
        );
    }

    #[tokio::test]
    async fn what_one_document_holds_is_in_no_other() {
        let stored = Arc::new(Mutex::new(Stored::default()));
        let manager = manager(&stored).await;
        let root = bootstrap(&manager, &wanted(), Timestamp::from_millis(0))
            .await
            .expect("secrets");
        for (name, holds) in [
            ("root", [true, false, false, false]),
            ("signing", [false, true, false, false]),
            ("credentials", [false, false, true, false]),
            ("accounts", [false, false, false, true]),
        ] {
            let text = manager.read(name).await.expect("a document").text;
            let fields = ["rootKey\"", "privateKey", "adminSecret", "accountKeys"];
            assert_eq!(fields.map(|field| text.contains(field)), holds, "{name}");
        }
        assert!(!root.root_key.is_empty());
    }

    #[tokio::test]
    async fn of_two_at_once_both_have_the_secrets_of_the_first() {
        let now = Timestamp::from_millis(0);
        let others = keystead_keygen::root().expect("a root key");
        let stored = Arc::new(Mutex::new(Stored::default()));
        stored.lock().expect("a lock").of("root").meanwhile = Some(serde_json::to_string(&others).expect("JSON"));
        let made = bootstrap(&manager(&stored).await, &wanted(), now)
            .await
            .expect("secrets");
        assert_eq!(made.root_key, others.root_key);
        assert_eq!(stored.lock().expect("a lock").versions(), [1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_role_that_is_too_new_to_be_known_is_waited_for() {
        let stored = Arc::new(Mutex::new(Stored::default()));
        stored.lock().expect("a lock").of("signing").denials = 2;
        let manager = manager(&stored).await;
        bootstrap(&manager, &wanted(), Timestamp::from_millis(0))
            .await
            .expect("secrets");
        assert_eq!(stored.lock().expect("a lock").versions(), [1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_secret_that_somebody_made_without_a_value_is_empty() {
        let stored = Arc::new(Mutex::new(Stored::default()));
        let by_hand = ("by-hand".to_owned(), String::new());
        stored.lock().expect("a lock").of("root").versions.push(by_hand);
        let manager = manager(&stored).await;
        bootstrap(&manager, &wanted(), Timestamp::from_millis(0))
            .await
            .expect("secrets");
        assert_eq!(stored.lock().expect("a lock").versions(), [2, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_certificate_is_renewed_before_it_ends() {
        let stored = Arc::new(Mutex::new(Stored::default()));
        let manager = manager(&stored).await;
        let began = Timestamp::from_millis(0);
        bootstrap(&manager, &wanted(), began).await.expect("secrets");
        let due = began + (certificate::LIFE - certificate::RENEWAL_WINDOW) + Duration::from_secs(60);
        for versions in [[1, 2, 1, 1], [1, 2, 1, 1]] {
            bootstrap(&manager, &wanted(), due).await.expect("secrets");
            assert_eq!(stored.lock().expect("a lock").versions(), versions);
        }
    }

    #[tokio::test]
    async fn no_other_root_key_is_made_for_signing_keys_that_are_there() {
        let stored = Arc::new(Mutex::new(Stored::default()));
        let manager = manager(&stored).await;
        let now = Timestamp::from_millis(0);
        bootstrap(&manager, &wanted(), now).await.expect("secrets");
        stored.lock().expect("a lock").of("root").versions.clear();
        let error = bootstrap(&manager, &wanted(), now)
            .await
            .map(|root| root.root_public_key);
        assert!(
            error
                .expect_err("a refusal")
                .to_string()
                .contains("put the root key back")
        );
    }
}
