//! `keystead keys`: look at the keys that sign tokens and answers, rotate them, revoke one, renew their certificates.

use clap::{Args, Subcommand};
use keystead_core::{
    Timestamp,
    clock::Clock,
    signing::{
        certificate::CertificateClaims,
        keys::{Algorithm, KeyError, StoredKey},
        secrets::{RootKey, SecretName, SigningKeys},
    },
};

use crate::{failure::Failure, output, secrets::Place, serve};

/// Look at the keys that tokens and answers are signed with, and replace them.
#[derive(Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the keys: which signs, which only verify, and when their certificates end.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Sign with a new key from now on. Tokens that are out stay good.
    ///
    /// Of a stack it takes two runs. The first makes the key known: functions that run must learn it before others sign
    /// with it. The second puts it to use.
    Rotate {
        /// How the new key signs; without it, as the current one does.
        #[arg(long, value_name = "ALGORITHM", value_parser = serve::algorithm)]
        algorithm: Option<Algorithm>,
        #[command(flatten)]
        place: Place,
    },
    /// Drop a key at once, as when it has leaked: what it signed is good for nothing from now on.
    ///
    /// If it is the key that signs, a new one takes its place.
    Revoke {
        /// The key's id, as `keystead keys list` shows it.
        kid: String,
        #[command(flatten)]
        place: Place,
    },
    /// Renew the certificates of the keys in use, which end after 400 days.
    Certify {
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the command.
///
/// # Errors
/// Why it could not be done.
pub fn run(args: &KeysArgs) -> Result<(), Failure> {
    let now = Clock::system().now();
    match &args.action {
        Action::List { place } => {
            let keys: SigningKeys = place.read(SecretName::Signing)?;
            let lines: Vec<String> = keys.signing_keys.iter().map(line).collect();
            output::print(lines.join("\n"))
        }
        Action::Rotate { algorithm, place } => rotate(place, *algorithm, now),
        Action::Revoke { kid, place } => {
            let root: RootKey = place.read(SecretName::Root)?;
            let keys = place.change(SecretName::Signing, |keys: &mut SigningKeys| {
                let found = keystead_keygen::revoke(keys, &root, kid, now).map_err(local)?;
                let unknown = || Failure::Usage(format!("no key has the id {kid}; keystead keys list shows them"));
                found.then_some(()).ok_or_else(unknown)
            })?;
            let signs = keys.current().map_or("-", |key| key.jwk.kid.as_str());
            let functions = if place.is_stack() {
                " Functions that run drop it once they were started anew (infra/README.md)."
            } else {
                ""
            };
            output::print(format!("{kid} is revoked, and {signs} signs.{functions}"))
        }
        Action::Certify { place } => {
            let root: RootKey = place.read(SecretName::Root)?;
            place.change(SecretName::Signing, |keys: &mut SigningKeys| {
                keystead_keygen::certify(keys, &root, now, true)
                    .map(drop)
                    .map_err(local)
            })?;
            output::print("The certificates are renewed. Servers show them once they were started anew.")
        }
    }
}

fn rotate(place: &Place, algorithm: Option<Algorithm>, now: Timestamp) -> Result<(), Failure> {
    let root: RootKey = place.read(SecretName::Root)?;
    let mut is_in_use = true;
    let keys = place.change(SecretName::Signing, |keys: &mut SigningKeys| {
        let current = keys.current().map(|key| key.jwk.alg);
        let algorithm = algorithm.or(current).unwrap_or(Algorithm::Rs256);
        is_in_use = !place.is_stack() || keys.signing_keys.iter().any(|key| key.prepared);
        let done = if is_in_use {
            keystead_keygen::rotate(keys, &root, algorithm, now)
        } else {
            keystead_keygen::prepare(keys, &root, algorithm, now)
        };
        done.map_err(local)
    })?;
    let newest = keys.signing_keys.last().map_or("-", |key| key.jwk.kid.as_str());
    if is_in_use {
        output::print(format!(
            "{newest} signs from now on. The keys before it verify until their last token has expired."
        ))
    } else {
        output::print(format!(
            "{newest} is known from now on, and does not sign yet. Start the functions anew (infra/README.md), then give \
             this command again."
        ))
    }
}

fn local(error: KeyError) -> Failure {
    Failure::Local(error.to_string())
}

fn line(key: &StoredKey) -> String {
    let state = match (key.revoked_at, key.retired_at, key.prepared) {
        (Some(at), _, _) => format!("revoked {at}"),
        (None, Some(at), _) => format!("verifies, replaced {at}"),
        (None, None, true) => "known, does not sign yet".to_owned(),
        (None, None, false) => "signs".to_owned(),
    };
    let ends = CertificateClaims::read(&key.certificate).map_or_else(|| "-".to_owned(), |c| c.expiry().to_string());
    format!("{}  {}  {state}; certificate until {ends}", key.jwk.kid, key.jwk.alg)
}
