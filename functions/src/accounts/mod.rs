//! Accounts: how people sign in, who bought a license or sell one: `/api/auth/...`.
//!
//! No answer tells whether an account exists: a request for mail is answered that it was sent, and it is, to the address that
//! was given. Nor does the time that it takes, as far as that is the same calls, hashes and mails.

mod change_email;
mod change_password;
mod confirm_email;
mod device;
mod events;
mod face;
mod forgot_password;
mod login;
mod logout;
mod me;
mod new_password;
mod register;
mod reset_password;
mod revoke_session;
mod revoke_sessions;
mod sessions;
mod verify;

use keystead_core::{Timestamp, account::Account, value::email::Email};
use serde::Serialize;

use crate::frame::{function::functions, mail::ses};

pub use change_email::AuthChangeEmail;
pub use change_password::AuthChangePassword;
pub use confirm_email::AuthConfirmEmail;
pub use events::AuthEvents;
pub use forgot_password::AuthForgotPassword;
pub use login::AuthLogin;
pub use logout::AuthLogout;
pub use me::AuthMe;
pub use register::AuthRegister;
pub use reset_password::AuthResetPassword;
pub use revoke_session::AuthRevokeSession;
pub use revoke_sessions::AuthRevokeSessions;
pub use sessions::AuthSessions;
pub use verify::AuthVerify;

/// An account, to its holder.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Account"))]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    id: String,
    email: Email,
    email_verified: bool,
    created_at: Timestamp,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.account_id.to_string(),
            email: account.address.clone(),
            // There is no account whose address is not.
            email_verified: true,
            created_at: account.created_at,
        }
    }
}

functions! {
    REGISTER = AuthRegister, mailing(ses);
    LOGIN = AuthLogin;
    VERIFY = AuthVerify, mailing(ses);
    LOGOUT = AuthLogout;
    ME = AuthMe;
    FORGOT_PASSWORD = AuthForgotPassword, mailing(ses);
    RESET_PASSWORD = AuthResetPassword, mailing(ses);
    CHANGE_PASSWORD = AuthChangePassword, mailing(ses);
    CHANGE_EMAIL = AuthChangeEmail, mailing(ses);
    CONFIRM_EMAIL = AuthConfirmEmail, mailing(ses);
    SESSIONS = AuthSessions;
    REVOKE_SESSION = AuthRevokeSession;
    REVOKE_SESSIONS = AuthRevokeSessions;
    EVENTS = AuthEvents;
}
