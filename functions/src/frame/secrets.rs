//! What a process knows of its deployment's secrets, and reads again when it is shown what it does not know.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use keystead_core::{
    Error, Result, Timestamp,
    error::Credential,
    signing::{
        account_token::{AccountClaims, AccountKeyRing, AccountToken, AccountTokenVerdict, Purpose},
        keys::{KeyError, KeyRing},
        secrets::{AccountKeys, CredentialHashes, Credentials, SecretName, Secrets, SigningKeys},
        signed_answer::AnswerClaims,
        token::{Claims, Token},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

/// How often a process reads a secret again at most, whatever it is shown: strangers can make up keys that are unknown.
const REREAD_INTERVAL: Duration = Duration::from_secs(60);

/// What reads a secret's document.
pub type ReadSecret =
    Arc<dyn Fn(SecretName) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> + Send + Sync + 'static>;

/// A secret as a process knows it.
pub struct Known<T> {
    name: SecretName,
    value: RwLock<Option<Arc<T>>>,
    source: Option<Source<T>>,
}

struct Source<T> {
    read: ReadSecret,
    parse: fn(&str) -> Result<T>,
    /// When it was last read again, and whether that went well. Held while it is being read, so that requests at the same
    /// time wait for one read.
    last: Mutex<Option<(Timestamp, bool)>>,
}

impl<T> Known<T> {
    /// One that stays as it is.
    fn fixed(name: SecretName, value: T) -> Self {
        Self {
            name,
            value: RwLock::new(Some(Arc::new(value))),
            source: None,
        }
    }

    /// One that this process may not read.
    fn absent(name: SecretName) -> Self {
        Self {
            name,
            value: RwLock::new(None),
            source: None,
        }
    }

    async fn begin(name: SecretName, read: &ReadSecret, parse: fn(&str) -> Result<T>) -> Result<Self> {
        let value = parse(&read(name).await?)?;
        Ok(Self {
            source: Some(Source {
                read: Arc::clone(read),
                parse,
                last: Mutex::new(None),
            }),
            ..Self::fixed(name, value)
        })
    }

    /// What is known.
    ///
    /// # Errors
    /// [`Error::Internal`] in a function that may not read this secret.
    pub fn get(&self) -> Result<Arc<T>> {
        let value = self.value.read().unwrap_or_else(PoisonError::into_inner).clone();
        value.ok_or_else(|| Error::internal(format!("this function has no secret {}", self.name)))
    }

    /// What is known now, if that is something else than `known`: the secret is read again, at most once a minute.
    ///
    /// # Errors
    /// When it can't be read: then nobody knows whether what was shown is good, and it is not called wrong.
    async fn changed(&self, known: &Arc<T>, now: Timestamp) -> Result<Option<Arc<T>>> {
        let Some(source) = &self.source else { return Ok(None) };
        let mut last = source.last.lock().await;
        let current = self.get()?;
        if !Arc::ptr_eq(&current, known) {
            return Ok(Some(current));
        }
        match *last {
            Some((at, true)) if now < at + REREAD_INTERVAL => return Ok(None),
            Some((at, false)) if now < at + REREAD_INTERVAL => {
                return Err(Error::internal(format!(
                    "the secret {} could not be read again",
                    self.name
                )));
            }
            Some(_) | None => {}
        }
        let read = (source.read)(self.name).await;
        let read = read.and_then(|document| (source.parse)(&document));
        *last = Some((now, read.is_ok()));
        let newer = Arc::new(read?);
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&newer));
        Ok(Some(newer))
    }

    /// What `find` finds in what is known or, where it finds nothing, in what is known once the secret was read again.
    async fn found<R>(&self, now: Timestamp, find: impl Fn(&T) -> Option<R>) -> Result<Option<R>> {
        let known = self.get()?;
        if let Some(found) = find(&known) {
            return Ok(Some(found));
        }
        Ok(self.changed(&known, now).await?.and_then(|newer| find(&newer)))
    }
}

impl Known<KeyRing> {
    /// As [`KeyRing::verify`]. A token by a key that is not known has the keys read again: it may have been made since.
    ///
    /// # Errors
    /// [`Credential::Token`].
    pub async fn verify(&self, token: &Token, now: Timestamp) -> Result<Claims> {
        let keys = self.get()?;
        if keys.is_by_unknown_key(token)
            && let Some(newer) = self.changed(&keys, now).await?
        {
            return newer.verify(token, now);
        }
        keys.verify(token, now)
    }

    /// As [`KeyRing::issue`].
    pub fn issue(&self, claims: &Claims) -> Result<Token> {
        self.get()?.issue(claims)
    }

    /// As [`KeyRing::sign_answer`].
    pub fn sign_answer(&self, claims: &AnswerClaims) -> Result<String> {
        self.get()?.sign_answer(claims)
    }
}

impl Known<AccountKeyRing> {
    /// As [`AccountKeyRing::judge_account_token`]. A token by a key that is not known has the keys read again.
    pub async fn judge(&self, token: &AccountToken, purpose: Purpose, now: Timestamp) -> Result<AccountTokenVerdict> {
        let keys = self.get()?;
        if keys.is_by_unknown_key(token)
            && let Some(newer) = self.changed(&keys, now).await?
        {
            return Ok(newer.judge_account_token(token, purpose, now));
        }
        Ok(keys.judge_account_token(token, purpose, now))
    }

    /// As [`AccountKeyRing::issue_account_token`].
    pub fn issue(&self, claims: &AccountClaims) -> Result<AccountToken> {
        self.get()?.issue_account_token(claims)
    }
}

impl Known<CredentialHashes> {
    /// Whether this is the admin secret. One that is not has the credentials read again: it may be new.
    pub async fn is_admin_secret(&self, shown: &str, now: Timestamp) -> Result<bool> {
        let find = |known: &CredentialHashes| known.admin_secret.matches(shown, now).then_some(());
        Ok(self.found(now, find).await?.is_some())
    }

    /// The first of these that is the deployment's webhook secret.
    pub async fn webhook_secret_among(&self, shown: &[String], now: Timestamp) -> Result<Option<String>> {
        let find = |known: &CredentialHashes| {
            let mut shown = shown.iter();
            shown.find(|secret| known.webhook_secret.matches(secret, now)).cloned()
        };
        self.found(now, find).await
    }

    /// Checks Stripe's signature of `body`.
    ///
    /// # Errors
    /// [`Credential::Caller`].
    pub async fn verify_stripe(&self, header: &str, body: &[u8], now: Timestamp) -> Result<()> {
        let find = |known: &CredentialHashes| known.stripe_secret.as_ref()?.verify(header, body, now).ok();
        let found = self.found(now, find).await?;
        found.ok_or(Error::Unauthenticated(Credential::Caller))
    }
}

/// The secrets that a process knows. Clones share them.
#[derive(Clone)]
pub struct KnownSecrets {
    /// What signs and verifies tokens, and signs answers.
    pub keys: Arc<Known<KeyRing>>,
    /// What callers show.
    pub credentials: Arc<Known<CredentialHashes>>,
    /// What signs and verifies the tokens of accounts.
    pub account_keys: Arc<Known<AccountKeyRing>>,
}

impl KnownSecrets {
    /// All that requests need of `secrets`, and that stays as it is.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn fixed(secrets: &Secrets) -> Result<Self, KeyError> {
        let keys = KeyRing::new(&secrets.signing.signing_keys)?;
        Self::with_keys(keys, &secrets.credentials, &secrets.accounts)
    }

    /// As [`KnownSecrets::fixed`], of keys that sign in another way.
    pub fn with_keys(keys: KeyRing, credentials: &Credentials, accounts: &AccountKeys) -> Result<Self, KeyError> {
        let credentials = CredentialHashes::new(credentials)?;
        let account_keys = AccountKeyRing::new(accounts)?;
        Ok(Self {
            keys: Arc::new(Known::fixed(SecretName::Signing, keys)),
            credentials: Arc::new(Known::fixed(SecretName::Credentials, credentials)),
            account_keys: Arc::new(Known::fixed(SecretName::Accounts, account_keys)),
        })
    }

    /// Those that are among `names`, read at the same time.
    ///
    /// # Errors
    /// When one can't be read or is malformed.
    pub async fn read(names: &[SecretName], read: &ReadSecret) -> Result<Self> {
        async fn one<T>(
            name: SecretName,
            names: &[SecretName],
            read: &ReadSecret,
            parse: fn(&str) -> Result<T>,
        ) -> Result<Arc<Known<T>>> {
            let known = if names.contains(&name) {
                Known::begin(name, read, parse).await?
            } else {
                Known::absent(name)
            };
            Ok(Arc::new(known))
        }
        let (keys, credentials, account_keys) = tokio::try_join!(
            one(SecretName::Signing, names, read, |document| {
                let signing: SigningKeys = parsed(document)?;
                KeyRing::new(&signing.signing_keys).map_err(Error::internal)
            }),
            one(SecretName::Credentials, names, read, |document| {
                CredentialHashes::new(&parsed(document)?).map_err(Error::internal)
            }),
            one(SecretName::Accounts, names, read, |document| {
                AccountKeyRing::new(&parsed(document)?).map_err(Error::internal)
            }),
        )?;
        Ok(Self {
            keys,
            credentials,
            account_keys,
        })
    }

    /// The same, but for those that are not among `names`: what a function knows that may read these.
    #[must_use]
    pub fn only(&self, names: &[SecretName]) -> Self {
        fn one<T>(known: &Arc<Known<T>>, names: &[SecretName]) -> Arc<Known<T>> {
            if names.contains(&known.name) {
                Arc::clone(known)
            } else {
                Arc::new(Known::absent(known.name))
            }
        }
        Self {
            keys: one(&self.keys, names),
            credentials: one(&self.credentials, names),
            account_keys: one(&self.account_keys, names),
        }
    }
}

/// A document, without telling what is in it: an error of serde would quote it.
fn parsed<T: DeserializeOwned>(document: &str) -> Result<T> {
    serde_json::from_str(document).map_err(|error| {
        Error::internal(format!(
            "the secret is malformed at line {}, column {}",
            error.line(),
            error.column()
        ))
    })
}
