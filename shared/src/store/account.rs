//! Accounts: who is signed in to them, from which devices, and what was mailed to their addresses.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result, Timestamp,
    account::{
        Account, AccountPolicy,
        device::{Device, DeviceToken},
        login::{Login, LoginId},
        mail_token::MailToken,
        refresh_token::RefreshToken,
        secret::{Secret, SecretHash},
    },
    audit::Audit,
    error::Credential,
    event::{Event, EventType},
    signing::account_token::AccountClaims,
    store::{
        Store,
        item::{Item, decode, encode, number, text},
        schema, unexpected,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, delete, put, retried, update},
    },
    value::email::Email,
};

/// The sort key of an account itself.
const ACCOUNT: &str = "#";

/// How many logins of an account are listed.
const LOGINS_LISTED: i32 = 100;

fn login_key(login: &LoginId) -> String {
    format!("login#{login}")
}

fn device_key(device: &DeviceToken) -> String {
    format!("device#{}", device.hash().as_str())
}

fn account_item(account: &Account) -> Result<Item> {
    let mut item = encode(account)?;
    item.insert("item".to_owned(), text(ACCOUNT));
    Ok(item)
}

/// `action`, should the account be as it was read.
///
/// **Race**: its version is another with each change, so no change since is lost.
fn unchanged(account: &Account, action: Action) -> Action {
    action.when(
        "version = :seen AND accountId = :id",
        [
            (":seen", number(account.version)),
            (":id", text(account.account_id.as_str())),
        ],
    )
}

/// `new` in the place of the account, should that be as it was read.
fn replacement(account: &Account, new: Item) -> Action {
    unchanged(account, put(&schema::ACCOUNTS, new))
}

impl Store {
    /// The account with this address, in any letter case. The caller then asks for its password or what was mailed to it.
    pub async fn account_get(&self, email: &Email) -> Result<Option<Account>> {
        self.get(&schema::ACCOUNTS, &email.folded(), Some(ACCOUNT)).await
    }

    /// As [`Store::account_get`], and whether its holder has signed in with this device before, in one call. The device is
    /// looked for also where there is no account, or none is shown: that costs the same.
    pub async fn account_get_with_device(
        &self,
        email: &Email,
        device: Option<&DeviceToken>,
        now: Timestamp,
    ) -> Result<(Option<Account>, bool)> {
        let Some(device) = device else {
            return Ok((self.account_get(email).await?, false));
        };
        let (email, device) = (email.folded(), device_key(device));
        let keys = [ACCOUNT, &device].map(|item| schema::ACCOUNTS.key(&email, Some(item)));
        let mut found = self.get_batch(vec![(&schema::ACCOUNTS, keys.to_vec())]).await?;
        let (mut account, mut is_known) = (None, false);
        for item in found.take(&schema::ACCOUNTS) {
            if item.get("item") == Some(&text(ACCOUNT)) {
                account = Some(decode(item)?);
            } else {
                let device: Device = decode(item)?;
                is_known = now.seconds() < device.expires_at;
            }
        }
        Ok((account, is_known))
    }

    /// The account of someone who shows a token that says this, and the login that it names: both in one call. Whether
    /// the login lets them in, [`Login::opens`] says.
    pub async fn account_by_login(&self, claims: &AccountClaims) -> Result<Option<(Account, Login)>> {
        let Some(login) = &claims.login else { return Ok(None) };
        let found = self.account_get_with_login(&claims.email, login).await?;
        Ok(found.filter(|(account, _)| account.account_id == claims.sub))
    }

    /// The account with this address and one of its logins, if both are there: in one call.
    async fn account_get_with_login(&self, email: &Email, login: &LoginId) -> Result<Option<(Account, Login)>> {
        let (email, login) = (email.folded(), login_key(login));
        let keys = [ACCOUNT, &login].map(|item| schema::ACCOUNTS.key(&email, Some(item)));
        let mut found = self.get_batch(vec![(&schema::ACCOUNTS, keys.to_vec())]).await?;
        let (mut account, mut login) = (None, None);
        for item in found.take(&schema::ACCOUNTS) {
            if item.get("item") == Some(&text(ACCOUNT)) {
                account = Some(decode::<Account>(item)?);
            } else {
                login = Some(decode(item)?);
            }
        }
        Ok(account.zip(login))
    }

    /// Stores a new account, unless there is one with its address, together with the `entry` of its log. Answers whether it
    /// did.
    pub async fn account_create(&self, account: &Account, entry: &Event) -> Result<bool> {
        self.create_noted(&schema::ACCOUNTS, account_item(account)?, entry)
            .await
    }

    /// Puts `changed` in the place of `account`, unless it was changed since it was read, together with the `entry` of its log.
    /// Answers whether it did. Every login of the version that is gone ends.
    pub async fn account_change(&self, account: &Account, changed: &Account, entry: &Event) -> Result<bool> {
        let change = replacement(account, account_item(changed)?);
        let refusal = self.commit_noted("an account", change, entry).await?;
        Ok(matches!(refusal, Refusal::None))
    }

    /// As [`Store::account_change`], and carries one login over to the new version: in one transaction, so that its holder
    /// stays signed in and nobody else does.
    pub async fn account_change_keeping(
        &self,
        account: &Account,
        changed: &Account,
        login: &LoginId,
        entry: &Event,
    ) -> Result<bool> {
        let login_key = schema::ACCOUNTS.key(&account.email.folded(), Some(&login_key(login)));
        // **Race**: a login that was ended meanwhile stays so.
        let carried = UpdateExpression::default()
            .set("version", number(changed.version))
            .when("version = :seen", [(":seen", number(account.version))]);
        let change = replacement(account, account_item(changed)?);
        let carry = update(&schema::ACCOUNTS, login_key, carried);
        self.account_commit([change, carry], entry).await
    }

    /// Carries out two actions together with the `entry` of the account's log; answers whether their conditions held.
    async fn account_commit(&self, actions: [Action; 2], entry: &Event) -> Result<bool> {
        retried("an account", actions, |attempt, actions| async move {
            let transaction = Transaction::of(actions.clone()).with_event(entry)?;
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(true),
                WriteOutcome::Refused(_) => Break(false),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(actions)
                }
            })
        })
        .await
    }

    /// Moves an account to another address: in one transaction it is gone from the old one and there under the new one.
    /// Answers whether it did. Its logins stay behind, and so end; its log goes on.
    pub async fn account_move(&self, account: &Account, moved: &Account, entry: &Event) -> Result<bool> {
        let key = schema::ACCOUNTS.key(&account.email.folded(), Some(ACCOUNT));
        // **Race**: neither a change of the account since it was read nor an account at the new address is lost.
        let gone = unchanged(account, delete(&schema::ACCOUNTS, key));
        let there = put(&schema::ACCOUNTS, account_item(moved)?).when("attribute_not_exists(email)", []);
        self.account_commit([gone, there], entry).await
    }

    /// Notes that someone has signed in, together with the `entry` of the account's log.
    pub async fn login_create(&self, login: &Login, entry: &Event) -> Result<()> {
        let mut item = encode(login)?;
        item.insert("item".to_owned(), text(login_key(&login.login_id)));
        self.commit_noted("a login", put(&schema::ACCOUNTS, item), entry)
            .await
            .map(drop)
    }

    /// Notes that a login was used now.
    pub async fn login_use(&self, login: &Login, now: Timestamp) -> Result<()> {
        let key = schema::ACCOUNTS.key(&login.email.folded(), Some(&login_key(&login.login_id)));
        // **Race**: a login that was ended meanwhile does not come back.
        let used = UpdateExpression::default()
            .set("lastSeenAt", text(now.to_string()))
            .when("attribute_exists(version)", []);
        let used = update(&schema::ACCOUNTS, key, used);
        self.write_retried("a login", used).await.map(drop)
    }

    /// Continues a login for the holder of the refresh token `shown`, by which it is not continued again: `next` takes its
    /// place, and the login lasts for another [`AccountPolicy::refresh_life`]. Answers the account, for whose token it is now,
    /// and the login as it is afterwards.
    ///
    /// A token that was good and is shown again has been copied, by whoever shows it now or did before. Nobody can tell which
    /// of the two is its holder, so the login ends for both (RFC 9700, section 4.14.2), and the account's log says so.
    ///
    /// # Errors
    /// [`Credential::Caller`].
    pub async fn login_refresh(
        &self,
        shown: &RefreshToken,
        next: &RefreshToken,
        policy: &AccountPolicy,
        audit: &Audit,
    ) -> Result<(Account, Login)> {
        const REFUSED: Error = Error::Unauthenticated(Credential::Caller);

        let event = audit.event_id()?;
        let found = self.account_get_with_login(&shown.email, &shown.login_id).await?;
        let found = found.filter(|(account, login)| login.opens(account, policy, audit.now));
        let (account, login) = found.ok_or(REFUSED)?;
        let known = login.refresh.as_ref().ok_or(REFUSED)?;
        let continued = Login {
            refresh: Some(next.hash()),
            last_seen_at: audit.now,
            expires_at: (audit.now + policy.refresh_life).seconds(),
            ..login.clone()
        };
        // The same request did it before, and makes the same token again.
        if *known == next.hash() {
            return Ok((account, login));
        }
        if *known == shown.hash() && self.login_continue(&continued, shown).await? {
            return Ok((account, continued));
        }
        let entry = Event {
            event_id: event,
            ..audit.entry_of_account(EventType::RefreshReused, &account.account_id)?
        };
        let entry = entry.with("session", login.login_id.as_str());
        self.login_delete(&login.email, &login.login_id, &entry).await?;
        Err(REFUSED)
    }

    /// Stores `continued` for its next refresh token, if the one that is good is `shown`. Answers whether it was.
    async fn login_continue(&self, continued: &Login, shown: &RefreshToken) -> Result<bool> {
        let key = schema::ACCOUNTS.key(&continued.email.folded(), Some(&login_key(&continued.login_id)));
        let next = continued.refresh.as_ref().map(SecretHash::as_str).unwrap_or_default();
        // **Race**: of those who show one token at once, one finds it there. A login that was ended meanwhile does not come
        // back; and one that a new password has ended still has the old version, by which it lets nobody in.
        let turn = UpdateExpression::default()
            .set("refresh", text(next))
            .set("lastSeenAt", text(continued.last_seen_at))
            .set("expiresAt", number(continued.expires_at))
            .when("refresh = :shown", [(":shown", text(shown.hash().as_str()))]);
        match self
            .write_retried("a login", update(&schema::ACCOUNTS, key, turn))
            .await?
        {
            Refusal::None => Ok(true),
            // The reply to this very write was lost, and the SDK sent it again: nobody else makes this token.
            Refusal::By(found) => Ok(found.is_some_and(|login| login.get("refresh") == Some(&text(next)))),
        }
    }

    /// The logins of an account, the newest first, and no more than are worth a look. Those that are over are among them.
    pub async fn login_list(&self, email: &Email) -> Result<Vec<Login>> {
        let query = self
            .query_prefix(&schema::ACCOUNTS, &email.folded(), "login#")
            .scan_index_forward(false)
            .limit(LOGINS_LISTED);
        let page = query.send().await.map_err(unexpected)?;
        page.items.unwrap_or_default().into_iter().map(decode).collect()
    }

    /// Lets nobody in any more by this login, together with the `entry` of the account's log; that is seen by the next request.
    /// A second time changes nothing, and is no entry.
    pub async fn login_delete(&self, email: &Email, login: &LoginId, entry: &Event) -> Result<()> {
        let key = schema::ACCOUNTS.key(&email.folded(), Some(&login_key(login)));
        let gone = delete(&schema::ACCOUNTS, key).when("attribute_exists(version)", []);
        self.commit_noted("a login", gone, entry).await.map(drop)
    }

    /// Remembers a device, so that it is known again.
    pub async fn device_create(&self, device: &Device) -> Result<()> {
        let mut item = encode(device)?;
        item.insert("item".to_owned(), text(format!("device#{}", device.device.as_str())));
        self.write_always(put(&schema::ACCOUNTS, item)).await
    }

    /// Notes what a token that is to be mailed will be good for.
    pub async fn mail_token_create(&self, token: &MailToken) -> Result<()> {
        self.write_always(put(&schema::MAIL_TOKENS, encode(token)?)).await
    }

    /// What a token that was mailed is good for, whether or not it still is.
    pub async fn mail_token_get(&self, token: &Secret) -> Result<Option<MailToken>> {
        let found = self.get_item(&schema::MAIL_TOKENS, token.hash().as_str(), None).await?;
        // Tokens of invites stand beside them, and have no purpose of their own.
        found
            .filter(|item| item.contains_key("purpose"))
            .map(decode)
            .transpose()
    }
}
