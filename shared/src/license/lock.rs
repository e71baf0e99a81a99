//! The lock: the one machine that the license-keys API lets a license run on. It is not one of its seats: ADR 20 says why.

use serde::{Deserialize, Serialize};

use crate::license::machine::Fingerprint;

/// The lock of a license.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    /// The machine that the license is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hwid: Option<Fingerprint>,
    /// How often it was bound to a machine since its key was issued.
    #[serde(default)]
    pub bindings: u32,
    /// How often its binding was taken back since its key was issued.
    #[serde(default)]
    pub binding_resets: u32,
}

impl Lock {
    /// Whether the license was never bound: most are not, and then their item has no lock.
    pub(crate) fn is_unused(&self) -> bool {
        *self == Self::default()
    }

    /// The lock on this machine.
    #[must_use]
    pub fn bound(&self, machine: &Fingerprint) -> Self {
        Self {
            hwid: Some(machine.clone()),
            bindings: self.bindings.saturating_add(1),
            ..self.clone()
        }
    }

    /// The lock on no machine. Counted even if it was on none, as the contract has it.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            hwid: None,
            binding_resets: self.binding_resets.saturating_add(1),
            ..self.clone()
        }
    }
}
