//! Blacklists: machines and addresses on which no license of a product runs, by `/v1`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Timestamp,
    license::{address::Address, machine::Fingerprint},
    product::ProductId,
    value::{
        reference::Reference,
        text::{choice, text_value},
    },
};

choice!(
    /// What a blacklist entry is about.
    BlacklistType {
        /// A machine.
        Hwid = "HWID",
        /// An address.
        Ip = "IP",
    }
);

/// What is on a blacklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlacklistValue {
    /// A machine.
    Hwid(Fingerprint),
    /// An address.
    Ip(Address),
}

impl BlacklistValue {
    /// The value that `text` is of this type, if it can be one.
    pub fn parse(r#type: BlacklistType, text: &str) -> Option<Self> {
        let text = text.trim();
        match r#type {
            BlacklistType::Hwid => Fingerprint::parse(text).map(Self::Hwid),
            BlacklistType::Ip => Address::parse(text).map(Self::Ip),
        }
    }

    /// Its type.
    pub fn r#type(&self) -> BlacklistType {
        match self {
            Self::Hwid(_) => BlacklistType::Hwid,
            Self::Ip(_) => BlacklistType::Ip,
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Hwid(machine) => machine.as_str(),
            Self::Ip(address) => address.as_str(),
        }
    }

    /// The id of its entry.
    pub fn entry_id(&self) -> BlacklistEntryId {
        BlacklistEntryId(format!(
            "{}#{}",
            self.r#type(),
            hex::encode(Sha256::digest(self.as_str()))
        ))
    }
}

text_value!(
    /// The id of a blacklist entry within its product: its type and the hash of its value. In addresses it is written with a
    /// hyphen for the `#`.
    BlacklistEntryId,
    "HWID or IP, a hyphen, and 64 hexadecimal digits",
    |text| {
        let (r#type, hash) = text.trim().split_once(['-', '#'])?;
        let r#type = BlacklistType::parse(&r#type.to_ascii_uppercase())?;
        let hash = hash.to_ascii_lowercase();
        let sound = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        sound.then(|| format!("{type}#{hash}"))
    }
);

impl BlacklistEntryId {
    /// As it is shown, and written in addresses.
    pub fn shown(&self) -> String {
        self.0.replace('#', "-")
    }
}

/// A blacklist entry, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlacklistEntry {
    /// The product whose licenses do not run there.
    pub product_id: ProductId,
    /// What it is about.
    pub r#type: BlacklistType,
    /// The machine or address.
    pub value: String,
    /// The SHA-256 of that, in hex.
    pub value_hash: String,
    /// Why, which is what the person in front of the machine is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reference>,
    /// When it was first put there.
    pub created_at: Timestamp,
}

impl BlacklistEntry {
    /// An entry that is made at `now`.
    pub fn new(product: &ProductId, value: &BlacklistValue, reason: Option<Reference>, now: Timestamp) -> Self {
        Self {
            product_id: product.clone(),
            r#type: value.r#type(),
            value: value.as_str().to_owned(),
            value_hash: hex::encode(Sha256::digest(value.as_str())),
            reason,
            created_at: now,
        }
    }

    /// Its id.
    pub fn id(&self) -> BlacklistEntryId {
        BlacklistEntryId(format!("{}#{}", self.r#type, self.value_hash))
    }
}
