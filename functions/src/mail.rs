//! Mail to the holders of accounts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_sesv2::{
    config::{BehaviorVersion, Credentials, Region, SharedHttpClient, timeout::TimeoutConfig},
    error::ProvideErrorMetadata as _,
    types::{Body, Content, Destination, EmailContent, Message},
};
use keystead_core::{Error, Result, email::Email};
use serde::Serialize;

/// A mail, in plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// Who gets it.
    pub to: Email,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// What delivers mail. Clones are the same.
#[derive(Clone)]
pub enum Mailer {
    /// Nothing: a function that has no mail to send.
    Nowhere,
    /// It is kept here, where it can be looked at: the local server, and tests.
    Kept(Kept),
    /// Amazon SES.
    Ses(Ses),
}

impl Mailer {
    /// Delivers a mail.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub(crate) async fn send(&self, mail: Mail) -> Result<()> {
        match self {
            Self::Nowhere => Err(Error::internal("this process has nothing that delivers mail")),
            Self::Kept(kept) => {
                kept.keep(mail);
                Ok(())
            }
            Self::Ses(ses) => ses.send(mail).await,
        }
    }
}

/// How long SES may take before it is asked again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// Amazon SES, which mails from an address that is verified there.
#[derive(Clone)]
pub struct Ses {
    client: aws_sdk_sesv2::Client,
    from: String,
}

impl Ses {
    /// The service in this region, or at another address, mailing from `from`.
    pub fn new(
        http: SharedHttpClient,
        region: String,
        credentials: Credentials,
        endpoint: Option<String>,
        from: String,
    ) -> Self {
        let mut config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(region))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .credentials_provider(credentials);
        config.set_endpoint_url(endpoint);
        Self {
            client: aws_sdk_sesv2::Client::from_conf(config.build()),
            from,
        }
    }

    async fn send(&self, mail: Mail) -> Result<()> {
        let text = |data: String| Content::builder().data(data).charset("UTF-8").build();
        let message = Message::builder()
            .subject(text(mail.subject).map_err(Error::internal)?)
            .body(Body::builder().text(text(mail.text).map_err(Error::internal)?).build())
            .build();
        self.client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            // By its code: its message names the address.
            .map_err(|error| match error.code() {
                Some(code) => Error::internal(format!("SES refused a mail: {code}")),
                None => Error::internal(format!("SES could not be asked to mail: {error}")),
            })?;
        Ok(())
    }
}

/// The latest mails. Clones are the same.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<VecDeque<Mail>>>);

/// How many mails are kept.
const MOST: usize = 200;

impl Kept {
    /// The mails that are kept, the oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.lock().iter().cloned().collect()
    }

    fn keep(&self, mail: Mail) {
        let mut mails = self.lock();
        if mails.len() >= MOST {
            mails.pop_front();
        }
        mails.push_back(mail);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Mail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
