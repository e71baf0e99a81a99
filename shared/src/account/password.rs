//! Passwords: their hashes, and the cost of an attempt.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash as Phc,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    account::common_password::{is_common, is_of_address},
    value::{email::Email, json_schema::schema, text::is_plain},
};

/// A password as someone typed it. Never stored, never shown, never logged.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// The shortest, in characters (NIST SP 800-63B, section 3.1.1.2).
    const SHORTEST: usize = 8;
    /// The longest, in characters: what is hashed is bounded.
    const LONGEST: usize = 256;

    /// The password in `text`, which is kept as it is.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (Self::SHORTEST..=Self::LONGEST).contains(&text.chars().count());
        // A character has at most four bytes.
        (fits && is_plain(text, 4 * Self::LONGEST)).then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Password;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{} to {} characters", Password::SHORTEST, Password::LONGEST)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Password, E> {
                Password::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Other("text"), &self))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

schema!(Password, {
    "type": "string",
    "format": "password",
    "description": "A password.",
    "minLength": Password::SHORTEST,
    "maxLength": Password::LONGEST,
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
});

/// A [`Password`] that somebody chooses: not among the first that are guessed.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// What it must be, as a refusal says it.
    const UNCOMMON: &'static str = "one that is not easily guessed";

    /// The password, for an account with this address.
    ///
    /// # Errors
    /// When it is no more than the address: `field` is what the client calls it.
    pub fn of(self, address: &Email, field: &str) -> Result<Password> {
        if is_of_address(&self.0.0, address) {
            return Err(Error::field(field, Self::UNCOMMON));
        }
        Ok(self.0)
    }
}

impl<'de> Deserialize<'de> for NewPassword {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let password = Password::deserialize(deserializer)?;
        if is_common(&password.0) {
            let found = serde::de::Unexpected::Other("text");
            return Err(serde::de::Error::invalid_value(found, &Self::UNCOMMON));
        }
        Ok(Self(password))
    }
}

schema!(NewPassword, {
    "type": "string",
    "format": "password",
    "description": "A new password: not one of those that are guessed first.",
    "minLength": Password::SHORTEST,
    "maxLength": Password::LONGEST,
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
});

/// What one hash costs.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    /// How much memory, in KiB.
    pub memory: u32,
    /// How many passes over it.
    pub passes: u32,
}

impl Default for Hashing {
    /// The least that OWASP's Password Storage Cheat Sheet advises for Argon2id: 19 MiB, two passes.
    fn default() -> Self {
        Self {
            memory: 19 * 1024,
            passes: 2,
        }
    }
}

/// What is kept of a password: its Argon2id hash (RFC 9106) in PHC's string format, which names its parameters and salt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl PasswordHash {
    /// The hash of a password. Takes tens of milliseconds, and the memory that `hashing` says.
    pub fn of(password: &Password, salt: &[u8; 16], hashing: Hashing) -> Result<Self> {
        let argon2 = argon2(hashing)?;
        let hash: Phc = argon2
            .hash_password_with_salt(password.0.as_bytes(), salt)
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self(hash.to_string()))
    }

    /// The hash of no password: compared with when there is no account, so that both take as long.
    pub fn none() -> Self {
        Self(String::new())
    }

    /// Whether `password` is the one that this is the hash of. Compared in constant time; costs what the hash has cost.
    pub fn matches(&self, password: &Password) -> bool {
        let verified = Phc::new(&self.0).map(|hash| Argon2::default().verify_password(password.0.as_bytes(), &hash));
        matches!(verified, Ok(Ok(())))
    }
}

fn argon2(hashing: Hashing) -> Result<Argon2<'static>> {
    let params = Params::new(hashing.memory, hashing.passes, 1, None);
    let params = params.map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
