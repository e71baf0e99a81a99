//! What may be tried with accounts, and how it is counted.
//!
//! Strangers are counted by where they are first, so that one who tries a lot keeps out nobody elsewhere; by the account
//! only widely. A device that has signed in before is counted by itself, so that strangers never keep it out.

use keystead_core::{
    Error, Result, Timestamp,
    account::{Account, device::DeviceToken},
    audit::Origin,
    request::{
        client_address::Tier,
        rate_limit::{Allowance, Allowances},
    },
    value::email::Email,
};

use crate::frame::context::Context;

/// An attempt to sign in, which counts until it turns out that the password was right.
///
/// **Race**: it is counted before the password is looked at, and taken back afterwards. Of many attempts at once, no more
/// are looked at than are allowed.
pub(super) struct LoginAttempt {
    counted: Vec<(Allowance, String)>,
    at: Timestamp,
}

impl LoginAttempt {
    /// Counts an attempt, by somebody whose device is known or not.
    ///
    /// # Errors
    /// [`keystead_core::error::Throttle::Attempts`].
    pub(super) async fn count(
        cx: &Context,
        origin: &Origin,
        email: &Email,
        device: Option<&DeviceToken>,
        at: Timestamp,
    ) -> Result<Self> {
        let account = email.folded();
        let host = origin.address.network(Tier::Host);
        let counted = match device {
            Some(device) => vec![(
                Allowances::LOGIN_DEVICE,
                format!("{account}#{}", device.hash().as_str()),
            )],
            // The narrowest first: what one refuses uses up nothing of those that others share.
            None => vec![
                (Allowances::LOGIN_ACCOUNT_NETWORK, format!("{account}#{host}")),
                (Allowances::LOGIN_NETWORK, host),
                (
                    Allowances::LOGIN_WIDE_NETWORK,
                    origin.address.network(Tier::Organisation),
                ),
                (Allowances::LOGIN_ACCOUNT, account),
            ],
        };
        for (allowance, who) in &counted {
            cx.store.rate_limit_count(allowance, who, at).await?;
        }
        Ok(Self { counted, at })
    }

    /// Nothing was guessed: the password was right, or was not looked at.
    pub(super) async fn take_back(self, cx: &Context) {
        for (allowance, who) in &self.counted {
            cx.store.rate_limit_take_back(allowance, who, self.at).await;
        }
    }
}

/// Counts a mail that somebody asks for, and meanwhile reads the account with its address. Answers whether it may be sent: what
/// is not is one more to a mailbox that has a token which is still good. So its owner is not refused, whoever asked for that.
///
/// # Errors
/// [`keystead_core::error::Throttle::Attempts`], of who asks for much from one place.
pub(super) async fn count_mail(
    cx: &Context,
    origin: &Origin,
    to: &Email,
    now: Timestamp,
) -> Result<(Option<Account>, bool)> {
    let count = async |allowance: &Allowance, who: &str| cx.store.rate_limit_count(allowance, who, now).await;
    let mailbox = to.mailbox();
    let (host, organisation) = (
        origin.address.network(Tier::Host),
        origin.address.network(Tier::Organisation),
    );
    let from_here = format!("{mailbox}#{organisation}");
    let (account, ()) = tokio::try_join!(
        cx.store.account_get(to),
        count(&Allowances::MAIL_MAILBOX_NETWORK, &from_here)
    )?;
    count(&Allowances::MAIL_NETWORK, &host).await?;
    count(&Allowances::MAIL_WIDE_NETWORK, &organisation).await?;
    match count(&Allowances::MAILBOX, &mailbox).await {
        Ok(()) => Ok((account, true)),
        Err(Error::Throttled { .. }) => Ok((account, false)),
        Err(error) => Err(error),
    }
}
