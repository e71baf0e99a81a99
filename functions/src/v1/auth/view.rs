//! Accounts and sign-ins, as replies show them.

use keystead_core::{
    Timestamp,
    account::{Account, AccountId, AccountName, device::DeviceToken},
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use super::tokens::Tokens;
use crate::frame::reply::True;

/// Nothing is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "NothingAsked"))]
pub struct NoRequest {}

/// An account, to its holder.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "User"))]
#[serde(rename_all = "camelCase")]
pub(super) struct UserView {
    id: AccountId,
    email: Email,
    /// What they are called, if they told it.
    name: Option<AccountName>,
    /// There is no account whose address is not.
    email_verified: True,
    created_at: Timestamp,
}

impl From<Account> for UserView {
    fn from(account: Account) -> Self {
        Self {
            id: account.account_id,
            email: account.address,
            name: account.name,
            email_verified: True,
            created_at: account.created_at,
        }
    }
}

/// A reply with one account.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OneUser {
    user: UserView,
}

impl From<Account> for OneUser {
    fn from(account: Account) -> Self {
        Self {
            user: UserView::from(account),
        }
    }
}

/// Somebody is signed in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SignIn"))]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    pub(super) user: UserView,
    pub(super) tokens: Tokens,
    /// By what this device is known at `/v1/auth/login` from now on: where it was not known before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_token: Option<DeviceToken>,
}
