//! What invites mail.

use keystead_core::{
    Result,
    account::secret::Secret,
    owner::{invite::Invite, organisation::Organisation},
    request::rate_limit::{Allowance, Allowances},
};

use crate::frame::{context::Context, mail::Mail, mail::link};

/// Counts an invite that is to be mailed: of the organisation, and to the address.
///
/// # Errors
/// [`keystead_core::error::Throttle::Attempts`].
pub(super) async fn count(cx: &Context, invite: &Invite) -> Result<()> {
    let now = cx.clock.now();
    let count = async |allowance: &Allowance, who: &str| cx.store.rate_limit_count(allowance, who, now).await;
    count(&Allowances::INVITES, invite.owner_id.as_str()).await?;
    count(&Allowances::INVITES_MAILBOX, &invite.email.mailbox()).await?;
    let ceiling = Allowances::mails_of_deployment(cx.config.accounts.mails_a_day);
    count(&ceiling, "all").await
}

/// The mail that asks somebody to become a member. The organisation's name is its members' words: none that reads like an address
/// is repeated to others.
pub(super) fn invitation(cx: &Context, invite: &Invite, organisation: &Organisation, token: &Secret) -> Mail {
    let name = organisation.name.as_str();
    let reads_like_address = name.contains(['/', '@']) || name.contains("www.");
    let name = if reads_like_address {
        organisation.slug.as_str()
    } else {
        name
    };
    Mail {
        to: invite.email.clone(),
        subject: format!("You are invited to {name}"),
        text: format!(
            "You are invited to the team of {name}. To accept, sign in to the account with this address, or choose a password \
             for a new one, and show this:\n\n{}\n\nIt is good for a week, and once. If you don't know what this is about, do \
             nothing.\n",
            link(&cx.config, "invite", token)
        ),
    }
}
