//! What a license's customer is mailed of its key. Short, plain, and to nobody but the address that the license has.

use keystead_core::{Result, license::License, request::rate_limit::Allowances};

use crate::frame::{context::Context, mail::Mail};

/// Counts a mail with a key of this owner's to this mailbox.
///
/// # Errors
/// [`keystead_core::error::Throttle::Attempts`].
pub(super) async fn count_key_mail(cx: &Context, license: &License) -> Result<()> {
    let who = format!("{}#{}", license.owner_id, license.email.mailbox());
    let count = cx
        .store
        .rate_limit_count(&Allowances::LICENSE_MAILBOX, &who, cx.clock.now());
    count.await
}

/// The key that a license has from now on.
pub(super) fn new_key(license: &License) -> Mail {
    Mail {
        to: license.email.clone(),
        subject: "Your license has a new key".to_owned(),
        text: format!(
            "The vendor has given your license of {} a new key:\n\n{}\n\nThe old one is good for nothing any more. Enter the new \
             one on each of your machines; the machines that were on the license are not on it any more.\n",
            license.product_id, license.license_key
        ),
    }
}

/// The key that a license has.
pub(super) fn same_key(license: &License) -> Mail {
    Mail {
        to: license.email.clone(),
        subject: "Your license key".to_owned(),
        text: format!(
            "This is the key of your license of {}:\n\n{}\n\nWhoever has it can use the license, so keep it to yourself.\n",
            license.product_id, license.license_key
        ),
    }
}
