//! `keystead secrets`: look at a deployment's secrets, and set the one that Stripe makes.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

use clap::{Args, Subcommand, ValueEnum};
use keystead_core::{
    clock::Clock,
    config::{AwsEnvironment, variable},
    signing::secrets::Secrets,
};
use keystead_functions::aws::{
    call::CallError,
    secrets_manager::{SecretError, SecretsManager, Version},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    data_dir::{DataDir, read_secrets, secrets_file},
    failure::Failure,
    output,
};

/// Look at a deployment's secrets.
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
        Action::Show { secret, place } => show(&place.read()?, *secret),
        Action::SetStripe { place } => {
            let mut secret = String::new();
            io::stdin()
                .read_line(&mut secret)
                .map_err(|error| Failure::Local(format!("the standard input: {error}")))?;
            let secret = secret.trim();
            if !secret.starts_with("whsec_") {
                return Err(Failure::Usage("what Stripe signs with begins with whsec_".to_owned()));
            }
            place.change(|secrets| {
                secrets.stripe_webhook_secret = Some(secret.to_owned());
                Ok(())
            })?;
            output::print("Set. Functions that run already know it once they were started anew.")
        }
    }
}

fn show(secrets: &Secrets, only: Option<Name>) -> Result<(), Failure> {
    let stripe = secrets.stripe_webhook_secret.as_deref();
    match only {
        Some(Name::AdminSecret) => output::print(&secrets.admin_secret),
        Some(Name::WebhookSecret) => output::print(&secrets.webhook_secret),
        Some(Name::StripeWebhookSecret) => {
            output::print(stripe.ok_or_else(|| Failure::Local("Stripe's secret is not set".to_owned()))?)
        }
        Some(Name::RootPublicKey) => output::print(secrets.root_public_key.trim_end()),
        None => output::print(format!(
            "admin secret           {}\nwebhook secret         {}\nStripe webhook secret  {}\n\n{}",
            secrets.admin_secret,
            secrets.webhook_secret,
            stripe.unwrap_or("-"),
            secrets.root_public_key.trim_end(),
        )),
    }
}

impl Place {
    /// Whether it is a deployment of several processes.
    pub(crate) fn is_stack(&self) -> bool {
        self.stack.is_some()
    }

    /// The secrets.
    pub(crate) fn read(&self) -> Result<Secrets, Failure> {
        match &self.stack {
            Some(stack) => {
                let manager = self.manager()?;
                parse(&wait(manager.read(&secret_of(stack)))?)
            }
            // Without the lock: a server may run, and the file is there whole or not at all.
            None => self.kept(&secrets_file(&self.data_dir)),
        }
    }

    /// Changes the secrets, unless somebody else has changed them meanwhile. Answers them as they then are.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Secrets) -> Result<(), Failure>) -> Result<Secrets, Failure> {
        let Some(stack) = &self.stack else {
            let folder = self.folder()?;
            let mut secrets = self.kept(&folder.secrets_file())?;
            change(&mut secrets)?;
            folder
                .keep_secrets(&secrets)
                .map_err(|error| Failure::file(&folder.secrets_file(), &error))?;
            return Ok(secrets);
        };
        let manager = self.manager()?;
        let secret = secret_of(stack);
        let was = wait(manager.read(&secret))?;
        let mut secrets = parse(&was)?;
        change(&mut secrets)?;
        let document = serde_json::to_string(&secrets).map_err(|error| Failure::Local(error.to_string()))?;
        wait(manager.write(&secret, &document, &after(&was.id)))?;
        Ok(secrets)
    }

    /// The folder, held, so that no server starts in between.
    fn folder(&self) -> Result<DataDir, Failure> {
        DataDir::open(&self.data_dir).map_err(|error| Failure::Local(error.to_string()))
    }

    fn kept(&self, file: &Path) -> Result<Secrets, Failure> {
        let secrets = read_secrets(file).map_err(|error| Failure::Local(error.to_string()))?;
        secrets.ok_or_else(|| {
            let folder = self.data_dir.display();
            Failure::Local(format!(
                "{folder} holds no secrets; keystead serve makes them at its first start"
            ))
        })
    }

    fn manager(&self) -> Result<SecretsManager, Failure> {
        SecretsManager::new(&environment(self.region.as_deref())?, Clock::system())
            .map_err(|error| Failure::Local(error.to_string()))
    }
}

/// What template.yaml calls the secret of this stack.
fn secret_of(stack: &str) -> String {
    format!("{stack}/keystead")
}

/// The id of the version after `id`: of two that change the same version, Secrets Manager refuses the second.
fn after(id: &str) -> String {
    hex::encode(Sha256::digest(id.as_bytes()))
}

fn parse(version: &Version) -> Result<Secrets, Failure> {
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
