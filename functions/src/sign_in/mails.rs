//! What accounts mail: a token to who reads the mailbox, or word of what happened. Short, plain, and without a secret beside
//! the token.

use keystead_core::{
    Result,
    account::{
        Account,
        mail_token::{Asked, MailToken, NewAccount},
        secret::Secret,
    },
    audit::Origin,
    value::email::Email,
};

use super::allowance::{count_forgotten, count_mail};
use crate::frame::{
    context::Context,
    mail::{Mail, link},
};

/// What somebody says who asks for a mail with which a password is set.
pub(crate) enum Wish {
    /// That they want an account, with this.
    Account(NewAccount),
    /// That they forgot the password of theirs.
    Password,
}

/// Mails to an address what sets the password of its account, or makes one: whichever it needs, so that neither the answer
/// nor its cost tells which.
pub(crate) async fn mail_password_link(cx: &Context, origin: &Origin, address: Email, wish: Wish) -> Result<()> {
    cx.mailer.is_set_up()?;
    let now = cx.clock.now();
    let (account, may_be_sent) = count_mail(cx, origin, &address, now).await?;
    if !may_be_sent {
        return Ok(());
    }
    let (is_wanted, new) = match wish {
        Wish::Account(new) => (true, new),
        Wish::Password => {
            let is_wanted = count_forgotten(cx, &address, now).await? || account.is_some();
            (is_wanted, NewAccount::default())
        }
    };
    let policy = &cx.config.accounts;
    let life = if account.is_some() {
        policy.reset_life
    } else {
        policy.verify_life
    };
    let secret = Secret::new(&cx.ids)?;
    let asked = Asked::by(origin, now);
    let token = MailToken::for_password(&secret, &address, account.as_ref(), asked, now + life);
    let token = token.making(new);
    cx.store.mail_token_create(&token).await?;
    let mail = if account.is_some() {
        Mail {
            to: token.address,
            subject: "Set a new password".to_owned(),
            text: format!(
                "Someone asked for a new password for the account with this address. If it was you, set one with \
                 this:\n\n{}\n\nIt is good for an hour, and once. If it was not you, do nothing: your password stays.\n",
                link(&cx.config, "reset", &secret)
            ),
        }
    } else {
        Mail {
            to: token.address,
            subject: "Choose a password".to_owned(),
            text: format!(
                "Someone asked for an account with this address, and there is none yet. If it was you, choose a password \
                 for it with this:\n\n{}\n\nIt is good for a day, and once. If it was not you, do nothing: then there is \
                 no account.\n",
                link(&cx.config, "verify", &secret)
            ),
        }
    };
    if is_wanted {
        cx.mailer.send(mail).await?;
    } else {
        // The token is nobody's, and dies with its time.
        cx.mailer.withhold().await;
    }
    Ok(())
}

/// Word to an account's holder that its password is another.
pub(crate) fn password_changed(to: &Account) -> Mail {
    Mail {
        to: to.address.clone(),
        subject: "Your password was changed".to_owned(),
        text: "The password of the account with this address was changed just now, and whoever was signed in elsewhere is \
               signed out. If it was you, there is nothing to do. If it was not you, ask for a new password at once: only \
               who reads this mailbox can set it.\n"
            .to_owned(),
    }
}

/// Word to the old address that the account has another.
pub(crate) fn address_changed(from: &Account) -> Mail {
    Mail {
        to: from.address.clone(),
        subject: "The address of your account was changed".to_owned(),
        text: "The account with this address has another address from now on. If it was you, there is nothing to do. If it \
               was not you, tell the vendor, and register with this address anew: what was bought with it is then yours \
               to look after, and of nobody else.\n"
            .to_owned(),
    }
}
