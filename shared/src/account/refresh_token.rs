//! Refresh tokens: by one of them, once, the holder of a login of `/v1` gets another access token (RFC 6749, section 1.5).

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    account::{
        login::LoginId,
        secret::{Secret, SecretHash},
    },
    ids::Ids,
    signing::sealing::{Seal, SealingRoot},
    value::{email::Email, text::is_plain},
};

/// What seals are for that only this file opens.
const PURPOSE: &str = "refresh token";

/// The longest that is looked at, in characters: one with the longest address has fewer.
const LONGEST: usize = 1024;

/// A refresh token. Its holder has it sealed, and can neither read it nor make one up: garbage costs no read. Its login keeps
/// the hash of the one that is good.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshToken {
    /// The folded address of the account.
    pub email: Email,
    /// The login that it continues.
    pub login_id: LoginId,
    secret: Secret,
}

impl RefreshToken {
    /// A new one that continues this login.
    pub fn new(ids: &Ids, email: &Email, login_id: &LoginId) -> Result<Self> {
        Ok(Self {
            email: email.to_folded(),
            login_id: login_id.clone(),
            secret: Secret::new(ids)?,
        })
    }

    /// The one that follows it.
    pub fn next(&self, ids: &Ids) -> Result<Self> {
        Self::new(ids, &self.email, &self.login_id)
    }

    /// The hash by which its login knows it.
    pub fn hash(&self) -> SecretHash {
        self.secret.hash()
    }

    /// The token as its holder has it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when there are no random numbers.
    pub fn seal(&self, root: &SealingRoot) -> Result<String> {
        let token = serde_json::to_vec(self).map_err(crate::Error::internal)?;
        seal(root)?.seal(PURPOSE, &token)
    }

    /// The token that somebody shows. `None` of what was made up or changed, or is a token of another kind.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the root is none.
    pub fn open(text: &str, root: &SealingRoot) -> Result<Option<Self>> {
        let text = text.trim();
        if !is_plain(text, LONGEST) {
            return Ok(None);
        }
        let opened = seal(root)?.open(PURPOSE, text);
        Ok(opened.and_then(|token| serde_json::from_slice(&token).ok()))
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

fn seal(root: &SealingRoot) -> Result<Seal> {
    root.seal_for(PURPOSE)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;
    use crate::Timestamp;

    fn root(byte: u8) -> SealingRoot {
        SealingRoot::new(&BASE64_STANDARD.encode([byte; 32])).expect("a root")
    }

    #[test]
    fn a_token_is_opened_as_it_was_sealed_and_by_its_own_root_alone() {
        let ids = Ids::random();
        let login = LoginId::new(&ids, Timestamp::from_millis(0)).expect("an id");
        let longest = format!("{}@b.example", "a".repeat(240));
        for address in ["Ann@Example.com", longest.as_str()] {
            let email = Email::parse(address).expect("an address");
            let token = RefreshToken::new(&ids, &email, &login).expect("a token");
            let sealed = token.seal(&root(7)).expect("sealed");
            assert!(sealed.len() <= LONGEST, "{}", sealed.len());
            let opened = RefreshToken::open(&format!(" {sealed}\n"), &root(7)).expect("a seal");
            let opened = opened.expect("the token");
            assert_eq!(opened.hash(), token.hash());
            assert_eq!((opened.email, opened.login_id), (email.to_folded(), login.clone()));
            assert!(RefreshToken::open(&sealed, &root(8)).expect("a seal").is_none());
            let next = token.next(&ids).expect("a token");
            assert_ne!(next.hash(), token.hash());
            assert_eq!(next.login_id, token.login_id);
        }
        let other = root(7)
            .seal_for("cursor")
            .expect("a seal")
            .seal(PURPOSE, b"{}")
            .expect("sealed");
        for made_up in ["", "x", &other, &"A".repeat(2000)] {
            assert!(
                RefreshToken::open(made_up, &root(7)).expect("a seal").is_none(),
                "{made_up}"
            );
        }
    }
}
