//! The client of a server's HTTP API: address, credential, timeouts and retries.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use http::Uri;
use keystead_core::{
    clock::Clock,
    config::variable,
    ids::Ids,
    signing::secrets::{Credentials, SecretName},
};
use serde_json::Value;
use ureq::Agent;

use crate::{
    data_dir,
    failure::{Failure, Refusal},
    output::{self, Style},
};

/// Which server is asked, by whom, and how its answers are shown.
#[derive(Args, Debug)]
pub struct ServerArgs {
    /// The server's address. Anything but a loopback address needs https.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "KEYSTEAD_SERVER_URL",
        default_value = "http://127.0.0.1:8787",
        help_heading = "Server"
    )]
    server: String,
    /// Talk plain http to a server that is not on this machine. Anybody on the way can read the credential.
    #[arg(long, global = true, help_heading = "Server")]
    allow_http: bool,
    /// A file that holds the admin secret; `-` is the standard input. KEYSTEAD_ADMIN_SECRET stands in for it.
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        conflicts_with = "api_key_file",
        help_heading = "Server"
    )]
    admin_secret_file: Option<PathBuf>,
    /// A file that holds a creator's API key; `-` is the standard input. KEYSTEAD_API_KEY stands in for it.
    #[arg(long, global = true, value_name = "PATH", help_heading = "Server")]
    api_key_file: Option<PathBuf>,
    /// The data folder of a server on this machine: its admin secret is used when no other credential is given.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = ".keystead",
        help_heading = "Server"
    )]
    data_dir: PathBuf,
    /// How long to wait for an answer.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Server"
    )]
    timeout: u64,
    /// Print the server's JSON rather than tables.
    #[arg(long, global = true, help_heading = "Server")]
    json: bool,
}

/// A server, and the credential it is asked with. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    /// The server's address, without a slash at its end.
    pub(crate) server: String,
    credential: Credential,
    ids: Ids,
    clock: Clock,
    /// How replies are shown.
    pub(crate) style: Style,
}

/// A good reply.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Its body as text, as it came.
    pub(crate) text: String,
    /// Its body, parsed.
    pub(crate) body: Value,
}

#[derive(Clone)]
struct Credential {
    kind: CredentialKind,
    value: String,
    /// Where it is from, to say so when the server refuses it.
    origin: String,
}

#[derive(Clone, Copy, Debug)]
enum CredentialKind {
    AdminSecret,
    ApiKey,
}

/// What stands for the standard input where a file or a license key is expected.
const STDIN: &str = "-";

/// How often a request is sent at most, retries included.
const ATTEMPTS: u32 = 3;

/// The backoff before the first retry; the next is four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// How long a write is retried while the server says that it is in progress: longer than the record of a server that
/// died blocks it.
const IN_PROGRESS: Duration = Duration::from_secs(45);

/// The pause before such a retry. The server itself waits some seconds before it says so.
const IN_PROGRESS_PAUSE: Duration = Duration::from_secs(1);

/// The longest answer that is read: a full page of licenses has about a tenth.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

const HOW_TO_GIVE_A_CREDENTIAL: &str = "\
Give one by --admin-secret-file PATH or --api-key-file PATH (`-` is the standard input), or in the environment: \
KEYSTEAD_ADMIN_SECRET or KEYSTEAD_API_KEY.";

impl ServerArgs {
    /// The server that is meant, asked on up to `connections` connections at once.
    ///
    /// # Errors
    /// When the address is none, or not one to send a credential to; when there is no credential.
    pub(crate) fn client(&self, connections: usize) -> Result<Client, Failure> {
        let (server, is_local) = address(&self.server, self.allow_http)?;
        let credential = self.credential(is_local)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirection would carry the credential to wherever it points.
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(self.timeout)))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .user_agent(concat!("keystead/", env!("CARGO_PKG_VERSION")));
        if is_local {
            // The environment's proxy is for what is outside.
            config = config.proxy(None);
        }
        Ok(Client {
            agent: config.build().new_agent(),
            server,
            credential,
            ids: Ids::random(),
            clock: Clock::system(),
            style: if self.json { Style::Json } else { Style::Table },
        })
    }

    /// The license key that an argument means: itself, or what the standard input holds if it is `-`.
    ///
    /// # Errors
    /// When the standard input holds something else, or is to hold the credential as well.
    pub(crate) fn license_key(&self, argument: &str) -> Result<String, Failure> {
        if argument != STDIN {
            return Ok(argument.to_owned());
        }
        let credential = self.admin_secret_file.as_ref().or(self.api_key_file.as_ref());
        if credential.is_some_and(|path| path == Path::new(STDIN)) {
            return Err(Failure::Usage(
                "the standard input can't hold both the credential and the license key".to_owned(),
            ));
        }
        secret_in(Path::new(STDIN))
    }

    fn credential(&self, is_local: bool) -> Result<Credential, Failure> {
        let from_file = |kind, path: &Path| {
            Ok(Credential {
                kind,
                value: secret_in(path)?,
                origin: path.display().to_string(),
            })
        };
        match (&self.admin_secret_file, &self.api_key_file) {
            (Some(path), _) => return from_file(CredentialKind::AdminSecret, path),
            (None, Some(path)) => return from_file(CredentialKind::ApiKey, path),
            (None, None) => {}
        }
        for (kind, name) in [
            (CredentialKind::AdminSecret, "KEYSTEAD_ADMIN_SECRET"),
            (CredentialKind::ApiKey, "KEYSTEAD_API_KEY"),
        ] {
            if let Some(value) = variable(name) {
                return Ok(Credential {
                    kind,
                    value: secret(&value, name)?,
                    origin: name.to_owned(),
                });
            }
        }
        if is_local {
            let file = data_dir::secret_file(&self.data_dir, SecretName::Credentials);
            let credentials: Option<Credentials> =
                data_dir::read_secret(&file).map_err(|error| Failure::Local(error.to_string()))?;
            if let Some(credentials) = credentials {
                return Ok(Credential {
                    kind: CredentialKind::AdminSecret,
                    value: credentials.admin_secret,
                    origin: file.display().to_string(),
                });
            }
        }
        let mut text = format!(
            "there is no credential for {}.\n{HOW_TO_GIVE_A_CREDENTIAL}",
            self.server
        );
        if is_local {
            text += "\nFor a server on this machine, --data-dir DIR names its data folder, which holds the secret.";
        }
        Err(Failure::Usage(text))
    }
}

/// The address to send requests below, and whether it is on this machine.
fn address(written: &str, allow_http: bool) -> Result<(String, bool), Failure> {
    let wrong = |why: &str| Failure::Usage(format!("--server {written}: {why}"));
    let text = written.trim().trim_end_matches('/');
    let uri: Uri = text
        .parse()
        .map_err(|_| wrong("is not a URL such as https://licenses.example.com"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong("is not a URL such as https://licenses.example.com"));
    };
    if authority.as_str().contains('@') {
        return Err(wrong("holds a user name; credentials are given by other options"));
    }
    if uri.query().is_some() {
        return Err(wrong("holds a query, which no server's address has"));
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_local = host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    match scheme {
        "https" => {}
        "http" if is_local || allow_http => {}
        "http" => {
            return Err(wrong(
                "would send the credential unencrypted; use https, or --allow-http if you know the way is safe",
            ));
        }
        _ => return Err(wrong("is neither https nor http")),
    }
    Ok((text.to_owned(), is_local))
}

/// The secret that a file holds, without the end of its line.
pub(crate) fn secret_in(path: &Path) -> Result<String, Failure> {
    if path == Path::new(STDIN) {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::Local(format!("the standard input: {error}")))?;
        return secret(&text, "the standard input");
    }
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    secret(&text, &path.display().to_string())
}

fn secret(text: &str, origin: &str) -> Result<String, Failure> {
    let secret = text.trim();
    // A second line is another secret, or this is a file of another kind. An API key goes into a header besides.
    if secret.is_empty() || secret.chars().any(char::is_control) {
        return Err(Failure::Local(format!(
            "{origin} should hold one secret, and nothing else"
        )));
    }
    Ok(secret.to_owned())
}

/// `fields` without those that are null: what was not given is not sent.
pub(crate) fn given(mut fields: Value) -> Value {
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields
}

impl Client {
    /// Prints the server's own answer when JSON is wanted, and otherwise what `for_people` makes of it.
    ///
    /// # Errors
    /// When the standard output can't be written to.
    pub(crate) fn show(&self, reply: &Reply, for_people: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
        match self.style {
            Style::Json => output::print(reply.text.trim_end()),
            Style::Table => output::print(for_people(&reply.body).trim_end()),
        }
    }

    /// Sends a request that changes nothing. Retried.
    pub(crate) fn read(&self, endpoint: &str, body: Value) -> Result<Reply, Failure> {
        self.send(endpoint, body, None)
    }

    /// Sends a write that is idempotent by itself: what it makes has a name already. Retried.
    pub(crate) fn make(&self, endpoint: &str, body: Value) -> Result<Reply, Failure> {
        self.send(endpoint, body, None)
    }

    /// Sends a write with an `Idempotency-Key`: it takes effect once, however often it is retried.
    pub(crate) fn write(&self, endpoint: &str, body: Value) -> Result<Reply, Failure> {
        let key = self
            .ids
            .uuid_v7(self.clock.now())
            .map_err(|error| Failure::Local(error.to_string()))?;
        self.send(endpoint, body, Some(&key.to_string()))
    }

    fn send(&self, endpoint: &str, mut body: Value, idempotency_key: Option<&str>) -> Result<Reply, Failure> {
        if let (CredentialKind::AdminSecret, Some(fields)) = (self.credential.kind, body.as_object_mut()) {
            fields.insert("adminSecret".to_owned(), self.credential.value.clone().into());
        }
        let body = body.to_string();
        let mut attempts = ATTEMPTS;
        let mut pause = FIRST_PAUSE;
        let started = Instant::now();
        loop {
            let outcome = self.attempt(endpoint, &body, idempotency_key);
            match &outcome {
                // An earlier attempt is under way, or died on the server, which waits to be sure of that.
                Err(Failure::Refused(refusal)) if refusal.is_in_progress() && started.elapsed() < IN_PROGRESS => {
                    thread::sleep(IN_PROGRESS_PAUSE);
                }
                Err(failure) if may_pass(failure) && attempts > 1 => {
                    attempts -= 1;
                    thread::sleep(pause);
                    pause *= 4;
                }
                Ok(_) | Err(_) => return outcome,
            }
        }
    }

    fn attempt(&self, endpoint: &str, body: &str, idempotency_key: Option<&str>) -> Result<Reply, Failure> {
        let mut request = self
            .agent
            .post(format!("{}/{endpoint}", self.server))
            .header("Content-Type", "application/json");
        match self.credential.kind {
            CredentialKind::AdminSecret => {}
            CredentialKind::ApiKey => request = request.header("X-API-Key", &self.credential.value),
        }
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let unreachable = |error: ureq::Error| {
            Failure::Unreachable(format!(
                "{} can't be reached: {}",
                self.server,
                output::printable(&error.to_string())
            ))
        };
        let mut response = request.send(body).map_err(unreachable)?;
        let status = response.status();
        let text = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .lossy_utf8(true)
            .read_to_string()
            .map_err(unreachable)?;
        let body: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
        match body {
            Some(body) if status.is_success() && body["success"] == true => Ok(Reply { text, body }),
            body => Err(Failure::Refused(self.refusal(status.as_u16(), body.as_ref()))),
        }
    }

    fn refusal(&self, status: u16, body: Option<&Value>) -> Refusal {
        let said = body.and_then(|body| body["error"].as_str().or(body["message"].as_str()));
        let kind = match self.credential.kind {
            CredentialKind::AdminSecret => "admin secret",
            CredentialKind::ApiKey => "API key",
        };
        let hint = match (status, said) {
            (401, _) => Some(format!(
                "The {kind} came from {}. {HOW_TO_GIVE_A_CREDENTIAL}",
                self.credential.origin
            )),
            (_, None) => Some(format!("Is {} a Keystead server?", self.server)),
            (_, Some(_)) => None,
        };
        Refusal {
            status,
            error: said.map_or_else(|| "the answer is not one of Keystead's".to_owned(), output::printable),
            hint,
        }
    }
}

/// Whether a retry may succeed.
fn may_pass(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(refusal) => matches!(refusal.status, 429 | 500 | 502 | 503 | 504),
        Failure::Unreachable(_) => true,
        Failure::Usage(_) | Failure::Local(_) | Failure::LinesRejected(_) | Failure::Stopped(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_credential_goes_out_encrypted_or_not_at_all() {
        let sent = |url| address(url, false).map_err(|failure| failure.to_string());
        assert_eq!(
            sent("https://x.example.com/prod/"),
            Ok(("https://x.example.com/prod".into(), false))
        );
        for local in [
            "http://127.0.0.1:8787",
            "http://localhost",
            "http://[::1]:1",
            "http://127.9.9.9/",
        ] {
            assert!(sent(local).expect("an address").1, "{local}");
        }
        for wrong in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://0.0.0.0",
            "ftp://localhost",
            "localhost:8787",
            "",
            "https://user:password@example.com",
            "http://127.0.0.1@example.com",
            "https://example.com/?apiKey=x",
        ] {
            assert!(sent(wrong).is_err(), "{wrong}");
        }
        assert!(address("http://example.com", true).is_ok());
    }
}
