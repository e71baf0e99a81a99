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
pub(crate) struct LoginAttempt {
    counted: Vec<(Allowance, String)>,
    at: Timestamp,
}

impl LoginAttempt {
    /// Counts an attempt, by somebody whose device is known or not.
    ///
    /// # Errors
    /// [`keystead_core::error::Throttle::Attempts`].
    pub(crate) async fn count(
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
    pub(crate) async fn take_back(self, cx: &Context) {
        for (allowance, who) in &self.counted {
            cx.store.rate_limit_take_back(allowance, who, self.at).await;
        }
    }
}

/// Counts a mail that somebody asks for, and meanwhile reads the account with its address. Answers whether it may be sent: what
/// is not is one more to a mailbox that has a token which is still good, or one of too many today. So nobody is refused for
/// what others asked for.
///
/// # Errors
/// [`keystead_core::error::Throttle::Attempts`], of who asks for much from one place.
pub(crate) async fn count_mail(
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
    let may_be_sent = is_allowed(count(&Allowances::MAILBOX, &mailbox).await)?;
    Ok((account, may_be_sent && is_below_ceiling(cx, now).await?))
}

/// Counts a mail against the ceiling of the deployment. Beyond it none is sent, the answer is the same, and the operator is told.
async fn is_below_ceiling(cx: &Context, now: Timestamp) -> Result<bool> {
    let ceiling = cx.config.accounts.mails_a_day;
    let allowance = Allowances::mails_of_deployment(ceiling);
    let is_below = is_allowed(cx.store.rate_limit_count(&allowance, "all", now).await)?;
    if !is_below {
        tracing::error!(ceiling, "a mail was not sent: there were too many today");
    }
    Ok(is_below)
}

/// Whether somebody who says that they forgot a password may be mailed at an address that has no account. Counted for those that
/// have one as well, where it decides nothing: so both cost the same.
pub(crate) async fn count_forgotten(cx: &Context, to: &Email, now: Timestamp) -> Result<bool> {
    let allowance = Allowances::MAILBOX_WITHOUT_ACCOUNT;
    is_allowed(cx.store.rate_limit_count(&allowance, &to.mailbox(), now).await)
}

/// Whether an attempt was within its allowance, for what is then left out and not refused.
fn is_allowed(counted: Result<()>) -> Result<bool> {
    match counted {
        Ok(()) => Ok(true),
        Err(Error::Throttled { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
