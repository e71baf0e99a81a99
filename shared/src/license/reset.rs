//! Resets: machines or addresses are taken off a license by `/v1`, as often as its policy lets them.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    license::policy::{Budget, Policy},
};

/// What is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// The machines.
    Hwid,
    /// The addresses.
    Ip,
}

/// Whether the policy's budget holds for a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetRule {
    /// It does.
    Budgeted,
    /// It does not: the reset is counted all the same.
    Free,
}

/// How often something was reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRecord {
    /// How often.
    #[serde(default)]
    pub count: u32,
    /// The last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

/// How often what a license is bound to was reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resets {
    /// The machines.
    #[serde(default)]
    pub hwid: ResetRecord,
    /// The addresses.
    #[serde(default)]
    pub ip: ResetRecord,
}

impl Resets {
    /// Whether nothing ever was: then the license's item has none.
    pub(crate) fn is_unused(&self) -> bool {
        *self == Self::default()
    }

    /// Those of this kind.
    pub fn of(&self, kind: ResetKind) -> ResetRecord {
        match kind {
            ResetKind::Hwid => self.hwid,
            ResetKind::Ip => self.ip,
        }
    }
}

impl Policy {
    /// How often something may be reset.
    pub fn reset_budget(&self, kind: ResetKind) -> Budget {
        let budget = self.limits.reset_budget.unwrap_or_default();
        match kind {
            ResetKind::Hwid => budget.hwid,
            ResetKind::Ip => budget.ip,
        }
        .unwrap_or_default()
    }
}
