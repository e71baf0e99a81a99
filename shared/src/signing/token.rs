//! Tokens: JWTs that prove an activation, to the service and, offline, to the application itself.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    error::Credential,
    license::{
        License,
        key::{LicenseId, LicenseKey},
        machine::Fingerprint,
        seats::LicenseType,
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    signing::keys::{Algorithm, KeyRing},
    value::text::{is_plain, text_value},
};

text_value!(
    /// A token: a JWT (RFC 7519) in the compact form of JWS (RFC 7515).
    Token,
    "a string of 1 to 8192 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 8192).then(|| text.to_owned())
    }
);

/// How many seconds before its making a token says that it was made: libraries refuse a token from the future, and a
/// customer's clock may be a little behind.
pub const IAT_LEEWAY: i64 = 60;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// The license's stable id.
    pub sub: LicenseId,
    /// The license's key.
    pub license_key: LicenseKey,
    /// The one machine that it is good on.
    pub machine_fingerprint: Fingerprint,
    /// The product that it opens.
    pub product_id: ProductId,
    /// The license's variant.
    pub variant: VariantId,
    /// The license's status when it was issued.
    pub status: LicenseStatus,
    /// When it was issued, less [`IAT_LEEWAY`], in seconds since 1970.
    pub iat: i64,
    /// From when on it is no longer good, in seconds since 1970.
    pub exp: i64,
    /// Until when an application may run on with it when the service can't be reached, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_until: Option<i64>,
    /// After how many days offline it should ask again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_days: Option<u32>,
}

impl Claims {
    /// When the token stops to be good.
    pub fn expiry(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }

    /// Checks that this token is for this machine on this license.
    ///
    /// # Errors
    /// [`Credential::Token`].
    pub fn bound_to(&self, license_key: &LicenseKey, fingerprint: &Fingerprint) -> Result<()> {
        let is_key = self.license_key == *license_key
            || LicenseKey::ours(license_key.as_str()).as_ref() == Some(&self.license_key);
        let bound = is_key && self.machine_fingerprint == *fingerprint;
        if bound {
            Ok(())
        } else {
            Err(Error::Unauthenticated(Credential::Token))
        }
    }

    /// Checks that this token was issued for this license, and not for one that had its key before.
    ///
    /// # Errors
    /// [`Credential::Token`].
    pub fn issued_for(&self, license: &License) -> Result<()> {
        if self.sub == license.license_id {
            Ok(())
        } else {
            Err(Error::Unauthenticated(Credential::Token))
        }
    }
}

impl KeyRing {
    /// Signs a token that says `claims`.
    pub fn issue(&self, claims: &Claims) -> Result<Token> {
        let [current, ..] = self.trusted.as_slice() else {
            return Err(Error::internal("the key ring is empty"));
        };
        let token = self.jws(&current.header, claims)?;
        Token::parse(&token).ok_or_else(|| Error::internal("the token is too long"))
    }

    /// Verifies a token's signature and expiry, and answers what it says.
    ///
    /// The token's header must be, letter for letter, that of a key of ours. So the algorithm is the key's, and a token
    /// can neither choose one nor name a key that is elsewhere (RFC 8725, sections 3.1 and 3.10).
    ///
    /// # Errors
    /// [`Credential::Token`], whatever is wrong with it.
    pub fn verify(&self, token: &Token, now: Timestamp) -> Result<Claims> {
        self.opened(token.as_str(), |key| &key.header)
            .filter(|claims: &Claims| now < claims.expiry())
            .ok_or(Error::Unauthenticated(Credential::Token))
    }

    /// Whether a token names a key that could have been made since these were read: its header is as we write them, and
    /// of none of these keys.
    pub fn is_by_unknown_key(&self, token: &Token) -> bool {
        let Some((shown, _)) = token.as_str().split_once('.') else {
            return false;
        };
        let mut known = self.trusted.iter().map(|key| &key.header).chain(&self.revoked);
        is_header_of_ours(shown) && !known.any(|header| header == shown)
    }
}

/// Whether this may be the header of a license's token that some key of ours signed: letter for letter as they are
/// written, but for the key's id, which is a SHA-256.
fn is_header_of_ours(shown: &str) -> bool {
    let Some(text) = BASE64_URL_SAFE_NO_PAD
        .decode(shown)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
    else {
        return false;
    };
    let kid = Algorithm::ALL.iter().find_map(|algorithm| {
        let start = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":""#);
        text.strip_prefix(&*start)?.strip_suffix(r#""}"#)
    });
    kid.and_then(|kid| BASE64_URL_SAFE_NO_PAD.decode(kid).ok())
        .is_some_and(|bytes| bytes.len() == 32)
}

/// How long tokens live.
#[derive(Clone, Copy, Debug)]
pub struct TokenPolicy {
    /// The life of a token.
    pub life: Duration,
    /// The life of a token of a degraded or floating license.
    pub short_life: Duration,
    /// A token with no more than this left is renewed by `/validate`.
    pub renewal_window: Duration,
    /// How long an application may run on past its token when the service can't be reached, unless its product says
    /// otherwise (`KEYSTEAD_GRACE_DAYS`, default 7).
    pub grace: Duration,
}

impl License {
    /// When a token that is issued at `now` expires: after the policy's life, and never after the license itself stops
    /// to work. In whole seconds, since that is what a token can say.
    pub fn token_expiry(&self, now: Timestamp, policy: &TokenPolicy) -> Timestamp {
        let short = self.standing.status == LicenseStatus::Degraded || self.seats.license_type == LicenseType::Floating;
        let life = if short { policy.short_life } else { policy.life };
        let ends = [Some(now + life), self.expires_at(), self.standing.blocks_from()];
        ends.into_iter().flatten().min().unwrap_or(now).whole_seconds()
    }

    /// Until when an application may run on with a token that expires at `expiry`, when the service can't be reached:
    /// `grace` longer, and never past the time at which the license is blocked. A floating license is for its sessions
    /// only.
    pub fn grace_until(&self, expiry: Timestamp, grace: Duration) -> Timestamp {
        if self.seats.license_type == LicenseType::Floating {
            return expiry;
        }
        let ends = [Some(expiry + grace), self.standing.blocks_from()];
        ends.into_iter().flatten().min().unwrap_or(expiry).max(expiry)
    }
}
