//! What every endpoint works with.

use std::sync::Arc;

use keystead_core::{
    Result, Timestamp,
    clock::Clock,
    config::Config,
    event::{Event, EventType},
    idempotency::{Attempt, Repeatable},
    ids::Ids,
    keys::{KeyError, KeyRing},
    license::License,
    secrets::{SecretHash, Secrets},
    store::Store,
};

use crate::{endpoint::Caller, log::Log};

/// What every endpoint works with; built once a process. Clones share it.
#[derive(Clone)]
pub struct Context {
    /// The tables.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// New ids and keys.
    pub ids: Ids,
    /// What signs and verifies tokens.
    pub keys: Arc<KeyRing>,
    /// The super admin's credential.
    pub admin_secret: SecretHash,
    /// The settings.
    pub config: Config,
    /// Where each request leaves its line.
    pub log: Log,
}

impl Context {
    /// What an attempt of a request works with that may be carried out several times: always the same time and ids, so
    /// that what it makes is the same.
    pub(crate) fn of_attempt(&self, repeatable: &Repeatable, attempt: &Attempt) -> Self {
        Self {
            clock: Clock::given(attempt.began_at),
            ids: repeatable.ids(attempt),
            ..self.clone()
        }
    }

    /// What `caller` did to `license` at `now`, to be noted together with it.
    ///
    /// # Errors
    /// [`keystead_core::Error::Internal`] when there are no random numbers for its id.
    pub fn event(&self, r#type: EventType, license: &License, caller: &Caller, now: Timestamp) -> Result<Event> {
        let id = self.ids.event_id(now)?;
        let retention = self.config.event_retention;
        Ok(Event::new(id, r#type, license, &caller.origin, now, retention))
    }

    /// A context over `store` with the credentials and keys in `secrets`.
    ///
    /// # Errors
    /// When the secrets hold no usable signing key.
    pub fn new(store: Store, secrets: &Secrets, config: Config) -> Result<Self, KeyError> {
        Ok(Self {
            store,
            clock: Clock::system(),
            ids: Ids::random(),
            keys: Arc::new(KeyRing::new(&secrets.signing_keys)?),
            admin_secret: SecretHash::of(&secrets.admin_secret),
            config,
            log: Log::stdout(),
        })
    }
}
