//! Mail to the holders of accounts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
