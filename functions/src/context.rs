//! What every endpoint works with.

use keystead_core::{
    clock::Clock,
    config::Config,
    ids::Ids,
    keys::{KeyError, KeyRing},
    secrets::{SecretHash, Secrets},
    store::Store,
};

use crate::log::Log;

/// What every endpoint works with; built once a process.
pub struct Context {
    /// The tables.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// New ids and keys.
    pub ids: Ids,
    /// What signs and verifies tokens.
    pub keys: KeyRing,
    /// The super admin's credential.
    pub admin_secret: SecretHash,
    /// The settings.
    pub config: Config,
    /// Where each request leaves its line.
    pub log: Log,
}

impl Context {
    /// A context over `store` with the credentials and keys in `secrets`.
    ///
    /// # Errors
    /// When the secrets hold no usable signing key.
    pub fn new(store: Store, secrets: &Secrets, config: Config) -> Result<Self, KeyError> {
        Ok(Self {
            store,
            clock: Clock::system(),
            ids: Ids::random(),
            keys: KeyRing::new(&secrets.signing_keys)?,
            admin_secret: SecretHash::of(&secrets.admin_secret),
            config,
            log: Log::stdout(),
        })
    }
}
