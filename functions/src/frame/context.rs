//! What every endpoint works with.

use std::sync::Arc;

use keystead_core::{
    Result,
    audit::{Audit, Origin},
    clock::Clock,
    config::Config,
    ids::Ids,
    license::key::LicenseKey,
    product::{Product, key_rules::KeyFormat},
    request::idempotency::{Attempt, Repeatable},
    sale::stripe::SigningSecret,
    signing::{
        keys::{KeyError, KeyRing},
        secrets::{SecretHash, Secrets},
    },
    store::Store,
};

use crate::frame::{log::Log, mail::Mailer, passwords::Passwords};

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
    /// The credential of stores.
    pub webhook_secret: SecretHash,
    /// With what Stripe signs, should it send anything here.
    pub stripe_secret: Option<SigningSecret>,
    /// The settings.
    pub config: Config,
    /// What delivers mail.
    pub mailer: Mailer,
    /// Where passwords are tried.
    pub passwords: Passwords,
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

    /// The audit context of a request from `origin`, from which the store makes its events. Made once a request.
    pub fn audit(&self, origin: &Origin) -> Audit {
        Audit {
            origin: origin.clone(),
            now: self.clock.now(),
            retention: self.config.event_retention,
            ids: self.ids.clone(),
        }
    }

    /// A new key for a license of this product, in this format or the one that the product's keys have.
    ///
    /// # Errors
    /// [`keystead_core::Error::Internal`] when there are no random numbers.
    pub fn new_license_key(&self, product: &Product, format: Option<KeyFormat>) -> Result<LicenseKey> {
        let rules = &product.keys;
        let prefix = rules.key_prefix.clone().unwrap_or_default();
        LicenseKey::new(&self.ids, format.unwrap_or_else(|| rules.format()), &prefix)
    }

    /// A context over `store` with the credentials and keys in `secrets`.
    ///
    /// # Errors
    /// When the secrets hold no signing key that is in use, or a malformed one; private halves are looked at later.
    pub fn new(store: Store, secrets: &Secrets, config: Config) -> Result<Self, KeyError> {
        Ok(Self {
            store,
            clock: Clock::system(),
            ids: Ids::random(),
            keys: Arc::new(KeyRing::new(&secrets.signing_keys)?),
            admin_secret: SecretHash::of(&secrets.admin_secret),
            webhook_secret: SecretHash::of(&secrets.webhook_secret),
            mailer: Mailer::Nowhere,
            passwords: Passwords::new(config.accounts.hashing),
            stripe_secret: secrets.stripe_webhook_secret.as_deref().map(SigningSecret::new),
            config,
            log: Log::stdout(),
        })
    }
}
