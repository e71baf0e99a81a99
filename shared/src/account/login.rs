//! Logins: server-side sessions of accounts. A session token is good while its login exists.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    account::{Account, AccountPolicy, secret::SecretHash},
    event::UserAgent,
    ids::Ids,
    value::{
        email::Email,
        text::{choice, is_plain, text_value},
        timestamp::HOUR,
    },
};

text_value!(
    /// Identifies a login among those of its account: a UUID v7, so that a list of them has the newest first.
    LoginId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl LoginId {
    /// A new one.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(ids.uuid_v7(now)?.to_string()))
    }
}

choice!(
    /// How a login is shown once it is made.
    ClientKind {
        /// In a cookie, of which the page sees nothing.
        Browser = "browser",
        /// In the header `Authorization`.
        Tool = "tool",
    }
);

/// A server-side session, as stored: its token is good while this item is there and says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// The account's folded address.
    pub email: Email,
    /// Its id.
    pub login_id: LoginId,
    /// For which version of the account's password it is good. A new password ends every login but those that are
    /// carried over with it.
    pub version: u32,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When it was last used, to [`Login::LAST_SEEN_PRECISION`].
    pub last_seen_at: Timestamp,
    /// When it ends, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
    /// Of a login of `/v1`: the hash of the one refresh token that continues it
    /// ([`RefreshToken`](crate::account::refresh_token::RefreshToken)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<SecretHash>,
    /// From where they signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// With what, as it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
}

impl Login {
    /// How exactly it is known when a login was last used: one write an hour at most.
    pub const LAST_SEEN_PRECISION: std::time::Duration = HOUR;

    /// Whether it lets in the holder of `account`, as that is now.
    ///
    /// One with a refresh token does not end because it is not used: each token is good for as long as it says.
    pub fn opens(&self, account: &Account, policy: &AccountPolicy, now: Timestamp) -> bool {
        let is_idle = self.refresh.is_none() && now >= self.last_seen_at + policy.idle_life;
        self.version == account.version && now.seconds() < self.expires_at && !is_idle
    }

    /// Whether it is to be noted that it was used.
    pub fn use_is_due(&self, now: Timestamp) -> bool {
        now >= self.last_seen_at + Self::LAST_SEEN_PRECISION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{AccountId, password::PasswordHash, secret::Secret},
        value::timestamp::DAY,
    };

    #[test]
    fn a_login_ends_with_its_time_its_version_and_unless_it_is_refreshed_with_disuse() {
        let (ids, start) = (Ids::random(), Timestamp::from_millis(0));
        let email = Email::parse("ann@example.com").expect("an address");
        let id = AccountId::new(&ids, start).expect("an id");
        let account = Account::new(id, email.clone(), PasswordHash::none(), start);
        let policy = AccountPolicy::default();
        let login = Login {
            email,
            login_id: LoginId::new(&ids, start).expect("an id"),
            version: account.version,
            created_at: start,
            last_seen_at: start,
            expires_at: (start + 30 * DAY).seconds(),
            refresh: None,
            ip: None,
            user_agent: None,
        };
        let refreshed = Login {
            refresh: Some(Secret::new(&ids).expect("a secret").hash()),
            ..login.clone()
        };
        for (login, account, day, opens) in [
            (&login, &account, 6, true),
            (&login, &account, 7, false),
            (&refreshed, &account, 7, true),
            (&refreshed, &account, 29, true),
            (&refreshed, &account, 30, false),
            (&refreshed, &account.with_no_logins(), 1, false),
        ] {
            assert_eq!(login.opens(account, &policy, start + day * DAY), opens, "{day}");
        }
    }
}
