//! `keystead secrets`: look at a deployment's secrets, replace them, and set the one that Stripe makes.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use clap::{Args, Subcommand, ValueEnum};
use keystead_core::{
    clock::Clock,
    config::{AwsEnvironment, variable},
    sale::stripe::EndpointSecret,
    signing::{
        keys::KeyError,
        secrets::{AccountKeys, CredentialName, Credentials, SecretName, SigningKeys},
    },
};
use keystead_functions::aws::{
    call::CallError,
    secrets_manager::{SecretError, SecretsManager, Version},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    data_dir::{DataDir, read_secret, secret_file},
    failure::Failure,
    output,
};

/// Look at a deployment's secrets, and replace them.
#[derive(Args)]
pub struct SecretsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print secrets: all that people need, or the one that is named.
    Show {
        /// Print this one, and nothing else.
        #[arg(value_enum)]
        secret: Option<Name>,
        #[command(flatten)]
        place: Place,
    },
    /// Set what Stripe made: with what it signs (`whsec_...`), read from the standard input.
    SetStripe {
        #[command(flatten)]
        place: Place,
    },
    /// Replace a secret with a new one. The old one is good for a while yet.
    Rotate {
        /// Which.
        #[arg(value_enum)]
        secret: Replaceable,
        /// For how many hours the old one stays good.
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=720))]
        overlap: u32,
        /// Drop the old one at once, as when it has leaked.
        #[arg(long, conflicts_with = "overlap")]
        now: bool,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Replaceable {
    /// The super admin's credential.
    Admin,
    /// The credential of stores.
    Webhook,
    /// The key of people's sign-ins and mailed links: with the old one, they end.
    Accounts,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    AdminSecret,
    WebhookSecret,
    StripeWebhookSecret,
    RootPublicKey,
}

/// Which deployment's secrets are meant.
#[derive(Args)]
pub(crate) struct Place {
    /// Those of this CloudFormation stack, with the credentials that AWS's own tools use.
    #[arg(long, value_name = "NAME", conflicts_with = "data_dir")]
    stack: Option<String>,
    /// The stack's region; without it, that of AWS's own tools.
    #[arg(long, requires = "stack")]
    region: Option<String>,
    /// Those in this data folder. They are changed while its server is stopped.
    #[arg(long, value_name = "DIR", default_value = ".keystead")]
    data_dir: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// Why it could not be done.
pub fn run(args: &SecretsArgs) -> Result<(), Failure> {
    match &args.action {
        Action::Show { secret, place } => show(place, *secret),
        Action::SetStripe { place } => {
            let mut secret = String::new();
            io::stdin()
                .read_line(&mut secret)
                .map_err(|error| Failure::Local(format!("the standard input: {error}")))?;
            let secret = EndpointSecret::parse(&secret)
                .ok_or_else(|| Failure::Usage(format!("it must be {}", EndpointSecret::EXPECTED)))?;
            place.change(SecretName::Credentials, |credentials: &mut Credentials| {
                credentials.stripe_webhook_secret = Some(secret.reveal().to_owned());
                Ok(())
            })?;
            output::print("Set.")
        }
        Action::Rotate {
            secret,
            overlap,
            now,
            place,
        } => rotate(
            place,
            *secret,
            (!now).then(|| Duration::from_secs(u64::from(*overlap) * 3600)),
        ),
    }
}

fn rotate(place: &Place, secret: Replaceable, overlap: Option<Duration>) -> Result<(), Failure> {
    let now = Clock::system().now();
    let good_until = overlap.map(|overlap| now + overlap);
    let local = |error: KeyError| Failure::Local(error.to_string());
    let named = match secret {
        Replaceable::Admin => Some((CredentialName::Admin, "admin-secret")),
        Replaceable::Webhook => Some((CredentialName::Webhook, "webhook-secret")),
        Replaceable::Accounts => None,
    };
    match named {
        Some((name, _)) => {
            let new = keystead_keygen::credential().map_err(local)?;
            place.change(SecretName::Credentials, |credentials: &mut Credentials| {
                credentials.rotate(name, new, now, good_until);
                Ok(())
            })?;
        }
        None => {
            place.change(SecretName::Accounts, |accounts: &mut AccountKeys| {
                keystead_keygen::rotate_accounts(accounts, now, good_until.unwrap_or(now)).map_err(local)
            })?;
        }
    }
    let old = match good_until {
        Some(until) => format!("The old one is good until {until}."),
        None if place.is_stack() => {
            "The old one is dropped, by functions that run once they were started anew (infra/README.md).".to_owned()
        }
        None => "The old one is good for nothing.".to_owned(),
    };
    match named {
        Some((_, name)) => output::print(format!(
            "Replaced. {old} To see the new one: keystead secrets show {name}"
        )),
        None => output::print(format!("Replaced. {old}")),
    }
}

fn show(place: &Place, only: Option<Name>) -> Result<(), Failure> {
    let credentials = || place.read::<Credentials>(SecretName::Credentials);
    let root = || Ok::<_, Failure>(place.read::<SigningKeys>(SecretName::Signing)?.root_public_key);
    match only {
        Some(Name::AdminSecret) => output::print(credentials()?.admin_secret),
        Some(Name::WebhookSecret) => output::print(credentials()?.webhook_secret),
        Some(Name::StripeWebhookSecret) => {
            let stripe = credentials()?.stripe_webhook_secret;
            output::print(stripe.ok_or_else(|| Failure::Local("Stripe's secret is not set".to_owned()))?)
        }
        Some(Name::RootPublicKey) => output::print(root()?.trim_end()),
        None => {
            let shown = credentials()?;
            output::print(format!(
                "admin secret           {}\nwebhook secret         {}\nStripe webhook secret  {}\n\n{}",
                shown.admin_secret,
                shown.webhook_secret,
                shown.stripe_webhook_secret.as_deref().unwrap_or("-"),
                root()?.trim_end(),
            ))
        }
    }
}

impl Place {
    /// Whether it is a deployment of several processes.
    pub(crate) fn is_stack(&self) -> bool {
        self.stack.is_some()
    }

    /// A secret.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: SecretName) -> Result<T, Failure> {
        match &self.stack {
            Some(stack) => {
                let manager = self.manager()?;
                parse(&wait(manager.read(&secret_of(stack, name)))?)
            }
            // Without the lock: a server may run, and the file is there whole or not at all.
            None => self.kept(&secret_file(&self.data_dir, name)),
        }
    }

    /// Changes a secret, unless somebody else has changed it meanwhile. Answers it as it then is.
    pub(crate) fn change<T: Serialize + DeserializeOwned>(
        &self,
        name: SecretName,
        change: impl FnOnce(&mut T) -> Result<(), Failure>,
    ) -> Result<T, Failure> {
        let Some(stack) = &self.stack else {
            let folder = self.folder()?;
            let file = folder.secret_file(name);
            let mut secret = self.kept(&file)?;
            change(&mut secret)?;
            folder
                .keep_secret(name, &secret)
                .map_err(|error| Failure::file(&file, &error))?;
            return Ok(secret);
        };
        let manager = self.manager()?;
        let id = secret_of(stack, name);
        let was = wait(manager.read(&id))?;
        let mut secret = parse(&was)?;
        change(&mut secret)?;
        let document = serde_json::to_string(&secret).map_err(|error| Failure::Local(error.to_string()))?;
        wait(manager.write(&id, &document, &was.next_id()))?;
        Ok(secret)
    }

    /// The folder, held, so that no server starts in between.
    fn folder(&self) -> Result<DataDir, Failure> {
        DataDir::open(&self.data_dir).map_err(|error| Failure::Local(error.to_string()))
    }

    fn kept<T: DeserializeOwned>(&self, file: &Path) -> Result<T, Failure> {
        let secret = read_secret(file).map_err(|error| Failure::Local(error.to_string()))?;
        secret.ok_or_else(|| {
            let (folder, file) = (self.data_dir.display(), file.file_name().unwrap_or_default().display());
            Failure::Local(format!(
                "{folder} holds no {file}; keystead serve makes it at its first start"
            ))
        })
    }

    fn manager(&self) -> Result<SecretsManager, Failure> {
        SecretsManager::new(&environment(self.region.as_deref())?, Clock::system())
            .map_err(|error| Failure::Local(error.to_string()))
    }
}

/// What template.yaml calls this secret of this stack.
fn secret_of(stack: &str, name: SecretName) -> String {
    format!("{stack}/keystead/{name}")
}

fn parse<T: DeserializeOwned>(version: &Version) -> Result<T, Failure> {
    serde_json::from_str(&version.text).map_err(|error| Failure::Local(format!("the secret: {error}")))
}

fn wait<T>(call: impl Future<Output = Result<T, SecretError>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Local(error.to_string()))?;
    runtime.block_on(call).map_err(|error| match error {
        SecretError::Call(CallError::Failed(_)) => Failure::Unreachable(error.to_string()),
        SecretError::AlreadyWritten => Failure::Local(
            "somebody else has changed the secrets in this moment; look at them, and try again".to_owned(),
        ),
        SecretError::Empty | SecretError::Call(CallError::Refused { .. }) => Failure::Local(error.to_string()),
    })
}

/// Where AWS's own tools would go, and as whom: what the environment says or else, asked of the AWS CLI, whatever profile,
/// single sign-on or role is set up for them.
fn environment(region: Option<&str>) -> Result<AwsEnvironment, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct ExportedCredentials {
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
    }

    let named = region.map(str::to_owned);
    let region = match named
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
    {
        Some(region) => region,
        None => aws(&["configure", "get", "region"])?.trim().to_owned(),
    };
    let exported = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(access_key_id), Some(secret_access_key)) => ExportedCredentials {
            access_key_id,
            secret_access_key,
            session_token: variable("AWS_SESSION_TOKEN"),
        },
        (None | Some(_), _) => {
            let printed = aws(&["configure", "export-credentials", "--format", "process"])?;
            serde_json::from_str(&printed).map_err(|error| Failure::Local(format!("aws: {error}")))?
        }
    };
    Ok(AwsEnvironment {
        region,
        access_key_id: exported.access_key_id,
        secret_access_key: exported.secret_access_key,
        session_token: exported.session_token,
        dynamodb_endpoint: None,
        ses_endpoint: None,
        secrets_manager_endpoint: variable("KEYSTEAD_SECRETS_MANAGER_ENDPOINT"),
    })
}

/// What the AWS CLI prints.
fn aws(args: &[&str]) -> Result<String, Failure> {
    let said = Command::new("aws").args(args).output().map_err(|error| {
        Failure::Local(format!(
            "neither AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION are set, nor can the AWS CLI be asked: {error}"
        ))
    })?;
    if !said.status.success() {
        let why = String::from_utf8_lossy(&said.stderr);
        return Err(Failure::Local(format!("aws {}: {}", args.join(" "), why.trim())));
    }
    String::from_utf8(said.stdout).map_err(|error| Failure::Local(format!("aws: {error}")))
}
