//! What a product says of its licenses' keys.

use serde::{Deserialize, Serialize};

use crate::{
    license::seats::SeatLimit,
    value::{
        patch::Patch,
        text::{choice, text_value},
    },
};

choice!(
    /// How new license keys read.
    KeyFormat {
        /// A UUID v4 in lower case.
        Uuid = "uuid",
        /// A prefix and four groups of four, which people can read out: `GLD-ABCD-EF23-GH45-JK67`.
        Grouped = "grouped",
    }
);

text_value!(
    /// What a product's grouped keys begin with.
    KeyPrefix,
    "1 to 10 letters and digits",
    |text| {
        let text = text.trim().to_ascii_uppercase();
        let plain = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then_some(text)
    },
    r"^[\t-\r ]*[A-Za-z0-9]+[\t-\r ]*$"
);

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("GLD".to_owned())
    }
}

/// What a product says of its licenses' keys; what is `None` is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyRules {
    /// Whether who bought a license may have its key exchanged for a new one. Usually they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_buyer_shuffle: Option<bool>,
    /// Whether they may take its binding back. Usually they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_buyer_reset: Option<bool>,
    /// Whether `/api/license-keys/validate` has to be told the machine. Usually it need not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_hwid: Option<bool>,
    /// What grouped keys begin with. A product that has one of its own makes grouped keys unless it is asked for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<KeyPrefix>,
    /// How often a license may be bound to a machine until its key is exchanged. Usually without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_activations: Option<SeatLimit>,
    /// Whether an application gives its machine's seat back only with that machine's token. Usually the key and the fingerprint
    /// will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivate_needs_token: Option<bool>,
}

impl KeyRules {
    /// How new keys read, when nobody says.
    pub fn format(&self) -> KeyFormat {
        if self.key_prefix.is_some() {
            KeyFormat::Grouped
        } else {
            KeyFormat::Uuid
        }
    }
}

/// What a vendor changes of the rules for keys, likewise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRuleChanges {
    /// [`KeyRules::allow_buyer_shuffle`].
    pub allow_buyer_shuffle: Patch<bool>,
    /// [`KeyRules::allow_buyer_reset`].
    pub allow_buyer_reset: Patch<bool>,
    /// [`KeyRules::require_hwid`].
    pub require_hwid: Patch<bool>,
    /// [`KeyRules::key_prefix`].
    pub key_prefix: Patch<KeyPrefix>,
    /// [`KeyRules::max_activations`].
    pub max_activations: Patch<SeatLimit>,
    /// [`KeyRules::deactivate_needs_token`].
    pub deactivate_needs_token: Patch<bool>,
}

impl KeyRuleChanges {
    pub(crate) fn of(&self, rules: &KeyRules) -> KeyRules {
        let mut changed = rules.clone();
        self.allow_buyer_shuffle.apply(&mut changed.allow_buyer_shuffle);
        self.allow_buyer_reset.apply(&mut changed.allow_buyer_reset);
        self.require_hwid.apply(&mut changed.require_hwid);
        self.key_prefix.apply(&mut changed.key_prefix);
        self.max_activations.apply(&mut changed.max_activations);
        self.deactivate_needs_token.apply(&mut changed.deactivate_needs_token);
        changed
    }
}
