//! In which words accounts refuse: the usual ones.

use keystead_core::Error;
use serde::Serialize;

use crate::frame::face::{Face, Readers, Refusal, usual};

const PREFIX: &str = "/api/auth";

/// `{"success": true, ...}` and `{"error": ...}`.
pub struct Accounts;

impl Face for Accounts {
    const NAME: &'static str = "Accounts";
    const PREFIX: &'static str = PREFIX;
    const SETS_COOKIES: bool = true;
    const READERS: Readers = Readers::Listed;
    const FLAG: Option<&'static str> = Some("success");

    fn refuse(error: &Error) -> Refusal {
        let (status, text) = usual(error);
        Refusal::new(status, text, |error| Refused { error })
    }
}

/// As [`Accounts`], for a reply that is a record and nothing beside.
pub struct AccountsBare;

impl Face for AccountsBare {
    const NAME: &'static str = "AccountsBare";
    const PREFIX: &'static str = PREFIX;
    const SETS_COOKIES: bool = true;
    const READERS: Readers = Readers::Listed;

    fn refuse(error: &Error) -> Refusal {
        Accounts::refuse(error)
    }
}

#[derive(Serialize)]
struct Refused {
    error: String,
}
