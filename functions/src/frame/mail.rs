//! Mail to the holders of accounts.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use keystead_core::{
    Error, Result,
    account::secret::Secret,
    clock::Clock,
    config::{AwsEnvironment, Config},
    error::Denial,
    value::email::Email,
};
use serde::Serialize;
use serde_json::json;

use crate::aws::{
    call::{CallError, Service},
    transport,
};

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

/// How a mail hands a token over: in a link to the vendor's page, if there is one. In its fragment, which a browser sends to
/// no server and tells no other page.
pub(crate) fn link(config: &Config, parameter: &str, token: &Secret) -> String {
    match &config.accounts.page {
        Some(page) => {
            let page = page.split('#').next().unwrap_or_default();
            format!("{page}#{parameter}={}", token.reveal())
        }
        None => token.reveal().to_owned(),
    }
}

/// What delivers mail. Clones are the same.
#[derive(Clone)]
pub enum Mailer {
    /// Nothing: a function that has no mail to send.
    Nowhere,
    /// Nothing, since the operator has not said whom mail is from.
    NotSetUp,
    /// It is kept here, where it can be looked at: a local server that shows it, and tests.
    Kept(Kept),
    /// It is read by nobody: a local server that does not show it.
    Unread,
    /// Amazon SES.
    Ses(Ses),
}

impl Mailer {
    /// That mail can be sent: asked before anything is counted or made that a mail is to tell of, so that the answer tells
    /// nothing of accounts.
    ///
    /// # Errors
    /// [`Denial::MailNotSetUp`].
    pub(crate) fn is_set_up(&self) -> Result<()> {
        match self {
            Self::NotSetUp => Err(Error::Denied(Denial::MailNotSetUp)),
            Self::Nowhere | Self::Kept(_) | Self::Unread | Self::Ses(_) => Ok(()),
        }
    }

    /// Delivers a mail.
    ///
    /// # Errors
    /// [`Denial::MailNotSetUp`]; [`Error::Internal`].
    pub(crate) async fn send(&self, mail: Mail) -> Result<()> {
        match self {
            Self::NotSetUp => self.is_set_up(),
            Self::Nowhere => Err(Error::internal("this process has nothing that delivers mail")),
            Self::Kept(kept) => {
                kept.keep(mail);
                Ok(())
            }
            Self::Unread => Ok(()),
            Self::Ses(ses) => ses.send(mail).await,
        }
    }

    /// Delivers nothing, and takes as long as a mail does: who waits for the answer does not learn whether there was one.
    pub(crate) async fn withhold(&self) {
        match self {
            Self::Nowhere | Self::NotSetUp | Self::Kept(_) | Self::Unread => {}
            Self::Ses(ses) => tokio::time::sleep(Duration::from_micros(ses.micros.load(Ordering::Relaxed))).await,
        }
    }

    /// Delivers word of something that has happened.
    pub(crate) async fn notify(&self, mail: Mail) {
        self.deliver(mail).await;
    }

    /// Delivers a mail, and answers whether anybody gets it.
    ///
    /// **Best effort**: what it tells of has happened by then, so a mail that is not delivered must not fail the request. The
    /// log has why.
    pub(crate) async fn deliver(&self, mail: Mail) -> bool {
        match self {
            Self::Nowhere | Self::NotSetUp | Self::Unread => false,
            Self::Kept(_) | Self::Ses(_) => match self.send(mail).await {
                Ok(()) => true,
                Err(error) => {
                    if let Error::Internal(cause) = error {
                        tracing::warn!(cause = %cause, "a mail could not be sent");
                    }
                    false
                }
            },
        }
    }
}

/// How a function comes by what delivers its mail.
pub type OpenMailer = fn(SharedHttpConnector, &AwsEnvironment, &Config) -> Mailer;

/// Opens Amazon SES, if it is said whom mail is from.
pub fn ses(connector: SharedHttpConnector, environment: &AwsEnvironment, config: &Config) -> Mailer {
    match config.accounts.mail_from.clone() {
        Some(from) => Mailer::Ses(Ses::new(connector, environment, Clock::system(), from)),
        None => Mailer::NotSetUp,
    }
}

/// Amazon SES, which mails from an address that is verified there.
#[derive(Clone)]
pub struct Ses {
    service: Service,
    from: String,
    /// How long the last mail took.
    micros: Arc<AtomicU64>,
}

impl Ses {
    /// The service in the region and with the credentials of `environment`, mailing from `from`.
    pub fn new(connector: SharedHttpConnector, environment: &AwsEnvironment, clock: Clock, from: String) -> Self {
        let endpoint = environment.ses_endpoint.clone();
        let endpoint = endpoint.unwrap_or_else(|| transport::endpoint("email", &environment.region));
        Self {
            service: Service::new("ses", endpoint, environment, connector, clock),
            from,
            // As SES usually does, as long as none was sent.
            micros: Arc::new(AtomicU64::new(100_000)),
        }
    }

    /// Somebody gets a mail again when the answer to the first is lost.
    async fn send(&self, mail: Mail) -> Result<()> {
        let text = |data: &str| json!({ "Data": data, "Charset": "UTF-8" });
        let request = json!({
            "FromEmailAddress": self.from,
            "Destination": { "ToAddresses": [mail.to.as_str()] },
            "Content": { "Simple": { "Subject": text(&mail.subject), "Body": { "Text": text(&mail.text) } } },
        });
        let headers = [("content-type", "application/json")];
        let began = Instant::now();
        match self.service.post("/v2/email/outbound-emails", &headers, &request).await {
            Ok(_) => {
                let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.micros.store(micros, Ordering::Relaxed);
                Ok(())
            }
            // By its kind: its message names the address.
            Err(CallError::Refused { kind, .. }) => Err(Error::internal(format!("SES refused a mail: {kind}"))),
            Err(error @ CallError::Failed(_)) => Err(Error::internal(format!("SES {error}"))),
        }
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
