//! `keystead keys`: rotate the key that tokens are signed with.

use clap::{Args, Subcommand};
use keystead_core::{clock::Clock, signing::keys::Algorithm};

use crate::{failure::Failure, output, secrets::Place, serve};

/// Rotate the key that tokens are signed with.
#[derive(Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
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
}

/// Runs the command.
///
/// # Errors
/// Why it could not be done.
pub fn run(args: &KeysArgs) -> Result<(), Failure> {
    let Action::Rotate { algorithm, place } = &args.action;
    let now = Clock::system().now();
    let mut is_in_use = true;
    let secrets = place.change(|secrets| {
        let keys = &secrets.signing_keys;
        let current = keys.iter().find(|key| key.retired_at.is_none() && !key.prepared);
        let algorithm = algorithm.or(current.map(|key| key.jwk.alg)).unwrap_or(Algorithm::Rs256);
        let is_prepared = keys.iter().any(|key| key.prepared);
        is_in_use = is_prepared || !place.is_stack();
        let done = if is_in_use {
            keystead_keygen::rotate(secrets, algorithm, now)
        } else {
            keystead_keygen::prepare(secrets, algorithm, now)
        };
        done.map_err(|error| Failure::Local(error.to_string()))
    })?;
    let newest = secrets.signing_keys.last().map_or("-", |key| key.jwk.kid.as_str());
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
