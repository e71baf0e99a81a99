//! Accounts, and who is signed in to them.

use crate::{
    Result,
    account::{
        Account, AccountId, Registration,
        login::{Login, LoginId},
    },
    signing::account_token::AccountClaims,
    store::{
        Store,
        item::{Item, decode, encode, text},
        schema,
        write::{Refusal, delete, put},
    },
    value::email::Email,
};

/// The sort key of an account itself.
const ACCOUNT: &str = "#";

fn login_key(login: &LoginId) -> String {
    format!("login#{login}")
}

fn registration_key(id: &AccountId) -> String {
    format!("registration#{id}")
}

fn account_item(account: &Account) -> Result<Item> {
    let mut item = encode(account)?;
    item.insert("item".to_owned(), text(ACCOUNT));
    Ok(item)
}

impl Store {
    /// The account with this address, in any letter case. The caller then asks for its password or what was mailed to it.
    pub async fn account_get(&self, email: &Email) -> Result<Option<Account>> {
        self.get(&schema::ACCOUNTS, &email.folded(), Some(ACCOUNT)).await
    }

    /// The account of someone who shows a token that says this, should they still be signed in: both in one call.
    pub async fn account_by_login(&self, claims: &AccountClaims) -> Result<Option<Account>> {
        let Some(login) = &claims.login else { return Ok(None) };
        let email = claims.email.folded();
        let login = login_key(login);
        let keys = [ACCOUNT, &login].map(|item| schema::ACCOUNTS.key(&email, Some(item)));
        let mut found = self.get_batch(vec![(&schema::ACCOUNTS, keys.to_vec())]).await?;
        let mut found = found.take(&schema::ACCOUNTS);
        if found.len() < 2 {
            return Ok(None);
        }
        let account = found.iter().position(|item| item.get("item") == Some(&text(ACCOUNT)));
        let account: Option<Account> = account.map(|at| decode(found.swap_remove(at))).transpose()?;
        Ok(account.filter(|account| claims.are_of(account)))
    }

    /// Notes that someone asked for an account.
    pub async fn registration_create(&self, registration: &Registration) -> Result<()> {
        let mut item = encode(registration)?;
        item.insert("item".to_owned(), text(registration_key(&registration.account_id)));
        self.write_always(put(&schema::ACCOUNTS, item)).await
    }

    /// That someone asked for an account with this id.
    pub async fn registration_get(&self, email: &Email, id: &AccountId) -> Result<Option<Registration>> {
        self.get(&schema::ACCOUNTS, &email.folded(), Some(&registration_key(id)))
            .await
    }

    /// Stores a new account, unless there is one with its address. Answers the one that is there then.
    pub async fn account_create(&self, account: Account) -> Result<Option<Account>> {
        if self.create(&schema::ACCOUNTS, account_item(&account)?).await? {
            return Ok(Some(account));
        }
        self.account_get(&account.email).await
    }

    /// Puts `changed` in the place of `account`, unless it was changed since it was read. Answers whether it did, now or
    /// before.
    pub async fn account_change(&self, account: &Account, changed: &Account) -> Result<bool> {
        let new = account_item(changed)?;
        let refusal = self
            .replace(&schema::ACCOUNTS, &account_item(account)?, new.clone())
            .await?;
        Ok(match refusal {
            Refusal::None => true,
            // The reply to this very write was lost, and the SDK sent it again.
            Refusal::By(found) => found == Some(new),
        })
    }

    /// Notes that someone has signed in.
    pub async fn login_create(&self, login: &Login) -> Result<()> {
        let mut item = encode(login)?;
        item.insert("item".to_owned(), text(login_key(&login.login_id)));
        self.write_always(put(&schema::ACCOUNTS, item)).await
    }

    /// Lets nobody in any more by this login; that is seen by the next request. A second time changes nothing.
    pub async fn login_delete(&self, email: &Email, login: &LoginId) -> Result<()> {
        let key = schema::ACCOUNTS.key(&email.folded(), Some(&login_key(login)));
        self.write_always(delete(&schema::ACCOUNTS, key)).await
    }
}
