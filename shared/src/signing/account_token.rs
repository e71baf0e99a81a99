//! Account tokens: what somebody shows who is signed in.

use std::time::Duration;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    account::{Account, AccountId, login::LoginId},
    signing::{
        keys::KeyError,
        sealing::SealingRoot,
        secrets::{AccountKeys, StoredAccountKey},
    },
    value::{
        email::Email,
        text::{choice, is_plain, text_value},
    },
};

text_value!(
    /// A token of an account: its holder's login. A JWT in the compact form of JWS.
    AccountToken,
    "a string of 1 to 8192 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 8192).then(|| text.to_owned())
    }
);

choice!(
    /// What a token of an account is for.
    Purpose {
        /// To act as its holder, in a browser and at `/api`: as long as the login lasts.
        Login = "login",
        /// To act as its holder at `/v1`: for minutes, after which a refresh token gets another.
        Access = "access",
    }
);

/// What a token of an account says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountClaims {
    /// Who issued it.
    pub iss: String,
    /// The account.
    pub sub: AccountId,
    /// Its folded address, by which it is found.
    pub email: Email,
    /// What the token is for.
    pub purpose: Purpose,
    /// Of a login: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginId>,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// From when on it is no longer good, in seconds since 1970.
    pub exp: i64,
}

impl AccountClaims {
    /// What a token for this account says.
    pub fn new(issuer: &str, purpose: Purpose, account: &Account, now: Timestamp, life: Duration) -> Self {
        Self {
            iss: issuer.to_owned(),
            sub: account.account_id.clone(),
            email: account.email.clone(),
            purpose,
            login: None,
            iat: now.seconds(),
            exp: (now + life).seconds(),
        }
    }

    /// What the token of this login says.
    pub fn of_login(
        issuer: &str,
        purpose: Purpose,
        account: &Account,
        login: &LoginId,
        now: Timestamp,
        life: Duration,
    ) -> Self {
        Self {
            login: Some(login.clone()),
            ..Self::new(issuer, purpose, account, now, life)
        }
    }

    /// When the token stops to be good.
    pub fn expiry(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }
}

/// What was found of a token of an account that somebody shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountTokenVerdict {
    /// It is good, and says this.
    Good(AccountClaims),
    /// It was good for what it is shown for, and has expired.
    Expired,
    /// It is forged, for something else, or by a key that is good no more.
    Wrong,
}

/// The keys of a running process that sign the tokens of accounts.
pub struct AccountKeyRing {
    /// The current key first.
    keys: Vec<AccountKey>,
    /// What seals.
    pub sealing: SealingRoot,
}

struct AccountKey {
    /// The one header that its tokens have, as they carry it.
    header: String,
    key: hmac::Key,
    good_until: Option<Timestamp>,
}

impl AccountKey {
    fn new(stored: &StoredAccountKey) -> std::result::Result<Self, KeyError> {
        let secret = BASE64_STANDARD
            .decode(&stored.secret)
            .map_err(|_| KeyError::Malformed)?;
        // Whoever can guess a short one signs in as anybody.
        if secret.len() < 32 {
            return Err(KeyError::Malformed);
        }
        Ok(Self {
            header: header(&stored.kid),
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            good_until: stored.good_until,
        })
    }

    fn is_good(&self, now: Timestamp) -> bool {
        self.good_until.is_none_or(|until| now < until)
    }
}

fn header(kid: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!(
        r#"{{"alg":"HS256","typ":"keystead-account+jwt","kid":"{kid}"}}"#
    ))
}

impl AccountKeyRing {
    /// The keys in `stored`; the last one signs.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(stored: &AccountKeys) -> std::result::Result<Self, KeyError> {
        let keys = stored.account_keys.iter().rev().map(AccountKey::new);
        let keys = keys.collect::<std::result::Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::NoCurrentKey);
        }
        Ok(Self {
            keys,
            sealing: SealingRoot::new(&stored.sealing_key)?,
        })
    }

    /// Signs a token of an account.
    pub fn issue_account_token(&self, claims: &AccountClaims) -> Result<AccountToken> {
        let current = self.keys.first().ok_or(Error::internal("there is no account key"))?;
        let payload = serde_json::to_vec(claims).map_err(Error::internal)?;
        let message = format!("{}.{}", current.header, BASE64_URL_SAFE_NO_PAD.encode(payload));
        let tag = hmac::sign(&current.key, message.as_bytes());
        let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag));
        AccountToken::parse(&token).ok_or_else(|| Error::internal("the token is too long"))
    }

    /// Verifies a token of an account, for this purpose. `None`, whatever is wrong with it.
    ///
    /// Its header must be, letter for letter, that of one of these keys, which sign nothing else (RFC 8725, section 3.11):
    /// what applications are shown is signed by other keys, which this process may not even have.
    pub fn verify_account_token(
        &self,
        token: &AccountToken,
        purpose: Purpose,
        now: Timestamp,
    ) -> Option<AccountClaims> {
        match self.judge_account_token(token, purpose, now) {
            AccountTokenVerdict::Good(claims) => Some(claims),
            AccountTokenVerdict::Expired | AccountTokenVerdict::Wrong => None,
        }
    }

    /// As [`AccountKeyRing::verify_account_token`], and tells a token that has expired from one that never was good.
    pub fn judge_account_token(&self, token: &AccountToken, purpose: Purpose, now: Timestamp) -> AccountTokenVerdict {
        match self.authentic_claims(token, now) {
            Some(claims) if claims.purpose != purpose => AccountTokenVerdict::Wrong,
            Some(claims) if claims.expiry() <= now => AccountTokenVerdict::Expired,
            Some(claims) => AccountTokenVerdict::Good(claims),
            None => AccountTokenVerdict::Wrong,
        }
    }

    /// What a token says that one of these keys has signed, whether or not it is still good.
    fn authentic_claims(&self, token: &AccountToken, now: Timestamp) -> Option<AccountClaims> {
        let (message, tag) = token.as_str().rsplit_once('.')?;
        let (shown, payload) = message.split_once('.')?;
        let mut good = self.keys.iter().filter(|key| key.is_good(now));
        let key = good.find(|key| key.header == shown)?;
        let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&key.key, message.as_bytes(), &tag).ok()?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// Whether a token names a key that could have been made since these were read.
    pub fn is_by_unknown_key(&self, token: &AccountToken) -> bool {
        let Some((shown, _)) = token.as_str().split_once('.') else {
            return false;
        };
        is_header_of_ours(shown) && !self.keys.iter().any(|key| key.header == shown)
    }
}

/// Whether this may be the header of a token of an account: letter for letter as they are written, but for the key's id.
fn is_header_of_ours(shown: &str) -> bool {
    let Some(text) = BASE64_URL_SAFE_NO_PAD
        .decode(shown)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
    else {
        return false;
    };
    let kid = text.strip_prefix(r#"{"alg":"HS256","typ":"keystead-account+jwt","kid":""#);
    kid.and_then(|kid| kid.strip_suffix(r#""}"#))
        .is_some_and(|kid| kid.len() == 16 && kid.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::{account::password::PasswordHash, ids::Ids};

    #[test]
    fn a_token_is_good_for_its_own_purpose_until_it_expires() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let ring = |byte: u8| {
            let key = StoredAccountKey {
                kid: "0123456789abcdef".to_owned(),
                secret: BASE64_STANDARD.encode([byte; 32]),
                good_until: None,
            };
            let keys = AccountKeys {
                account_keys: vec![key],
                sealing_key: BASE64_STANDARD.encode([9; 32]),
                others: Map::new(),
            };
            AccountKeyRing::new(&keys).expect("a ring")
        };
        let (ids, ours, foreign) = (Ids::random(), ring(1), ring(2));
        let address = Email::parse("ann@example.com").expect("an address");
        let account = AccountId::new(&ids, at(0)).expect("an id");
        let account = Account::new(account, address, PasswordHash::none(), at(0));
        let login = LoginId::new(&ids, at(0)).expect("an id");
        for purpose in Purpose::ALL {
            let life = Duration::from_secs(900);
            let claims = AccountClaims::of_login("keystead", *purpose, &account, &login, at(0), life);
            let token = ours.issue_account_token(&claims).expect("a token");
            for shown_for in Purpose::ALL {
                let judged = |now| ours.judge_account_token(&token, *shown_for, at(now));
                let (before, after) = if shown_for == purpose {
                    (AccountTokenVerdict::Good(claims.clone()), AccountTokenVerdict::Expired)
                } else {
                    (AccountTokenVerdict::Wrong, AccountTokenVerdict::Wrong)
                };
                assert_eq!((judged(899), judged(900)), (before, after), "{purpose} {shown_for}");
                for now in [0, 900] {
                    let judged = foreign.judge_account_token(&token, *shown_for, at(now));
                    assert_eq!(judged, AccountTokenVerdict::Wrong);
                }
            }
        }
    }
}
