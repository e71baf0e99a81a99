//! API keys.

mod create;
mod list;
mod replace_secret;
mod revoke;

use keystead_core::{
    Error, InvalidRequest, Result,
    config::Config,
    error::Noun,
    owner::{
        OwnerId,
        api_key::{KeyHash, RawApiKey},
        names::{Handle, NamePolicy},
    },
};

pub use create::CreateApiKey;
pub use list::ListApiKeys;
pub use replace_secret::ReplaceStripeSecret;
pub use revoke::RevokeApiKey;

/// The hash of the key that a request names: by its hash, or by the key itself, which here is an argument and no credential.
fn named(hash: Option<String>, key: Option<String>) -> Result<KeyHash> {
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    match (given(hash), given(key)) {
        (Some(hash), _) => KeyHash::parse(&hash).ok_or(Error::NotFound(Noun::ApiKey)),
        (None, Some(key)) => Ok(RawApiKey::parse(&key).ok_or(Error::NotFound(Noun::ApiKey))?.hash()),
        (None, None) => Err(Error::Invalid(InvalidRequest::MissingFields(&["hash or apiKey"]))),
    }
}

/// With what the names of an owner begin, where each has names of their own.
fn handle(config: &Config, owner: &OwnerId) -> Option<String> {
    match config.names {
        NamePolicy::ByOwner => Some(Handle::of(owner).as_str().to_owned()),
        NamePolicy::Shared => None,
    }
}
