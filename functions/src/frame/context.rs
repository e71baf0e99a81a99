//! What every endpoint works with.

use std::sync::Arc;

use keystead_core::{
    Error, Result,
    account::AccountId,
    audit::{Audit, Origin},
    clock::Clock,
    config::Config,
    ids::Ids,
    license::key::LicenseKey,
    owner::{OwnerId, api_key::KeyHash},
    product::{Product, key_rules::KeyFormat},
    request::idempotency::{Attempt, Repeatable},
    signing::{
        account_token::AccountKeyRing,
        keys::{KeyError, KeyRing},
        secrets::{CredentialHashes, SecretName, Secrets},
    },
    store::Store,
};

use crate::frame::{
    body::BodyStream,
    failures::Failures,
    lately::Lately,
    limits::Limits,
    log::Log,
    mail::Mailer,
    passwords::Passwords,
    secrets::{Known, KnownSecrets},
};

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
    pub keys: Arc<Known<KeyRing>>,
    /// What callers show, as hashes.
    pub credentials: Arc<Known<CredentialHashes>>,
    /// What signs and verifies the tokens of accounts.
    pub account_keys: Arc<Known<AccountKeyRing>>,
    /// The settings.
    pub config: Config,
    /// What delivers mail.
    pub mailer: Mailer,
    /// Where passwords are tried.
    pub passwords: Passwords,
    /// The wrong credentials that were shown.
    pub failures: Failures,
    /// The license keys that were shown and are no license's.
    pub misses: Failures,
    /// The requests of each address, where an API limits them.
    pub limits: Limits,
    /// The API keys of products that were found good lately.
    pub known_keys: Lately<KeyHash>,
    /// Who was found to be a member of which team lately.
    pub known_members: Lately<(AccountId, OwnerId)>,
    /// Where each request leaves its line.
    pub log: Log,
    /// The body of a request whose endpoint reads it as it comes.
    pub body: Option<BodyStream>,
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

    /// What a request with this body works with.
    pub(crate) fn with_body(&self, body: BodyStream) -> Self {
        Self {
            body: Some(body),
            ..self.clone()
        }
    }

    /// The request's body, of an endpoint with [`crate::frame::body::BodyMode::Stream`].
    ///
    /// # Errors
    /// [`keystead_core::Error::Internal`] in any other endpoint.
    pub fn body_stream(&self) -> Result<&BodyStream> {
        let body = self.body.as_ref();
        body.ok_or_else(|| Error::internal("the endpoint does not take its body as a stream"))
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
        Ok(Self::knowing(store, KnownSecrets::fixed(secrets)?, config))
    }

    /// A context over `store` that knows these secrets.
    pub fn knowing(store: Store, secrets: KnownSecrets, config: Config) -> Self {
        Self {
            store,
            clock: Clock::system(),
            ids: Ids::random(),
            keys: secrets.keys,
            credentials: secrets.credentials,
            account_keys: secrets.account_keys,
            mailer: Mailer::Nowhere,
            passwords: Passwords::new(config.accounts.hashing),
            failures: Failures::default(),
            misses: Failures::default(),
            known_keys: Lately::default(),
            known_members: Lately::default(),
            limits: Limits::default(),
            config,
            log: Log::stdout(),
            body: None,
        }
    }

    /// The same, with no other secrets than a function has that may read these.
    #[must_use]
    pub fn with_secrets_only(&self, names: &[SecretName]) -> Self {
        let known = KnownSecrets {
            keys: Arc::clone(&self.keys),
            credentials: Arc::clone(&self.credentials),
            account_keys: Arc::clone(&self.account_keys),
        };
        let known = known.only(names);
        Self {
            keys: known.keys,
            credentials: known.credentials,
            account_keys: known.account_keys,
            ..self.clone()
        }
    }
}
