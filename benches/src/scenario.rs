//! The scenarios, and what each needs of the set-up.

use clap::ValueEnum;

/// What the callers do. The texts are the ones of `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// POST /validate of a machine seen within 15 minutes: what applications send at each start, the common case
    Validate,
    /// POST /activate of a new machine each time; ends early when every license has had its 14 activations
    Activate,
    /// POST /activate of the same known machine again; ends early like activate, after 13 rounds
    Reactivate,
    /// POST /verify: no machine, no token
    Verify,
    /// POST /heartbeat of a floating license's session, with its token
    Heartbeat,
    /// POST /deactivate of another machine each time; ends early when all 14 machines of every license are gone
    Deactivate,
    /// POST /listMachines of a license with one machine
    ListMachines,
    /// POST /v1/licenses/authorize of a known machine, each license from an address of its own
    Authorize,
    /// POST /v1/licenses/authorize of a new machine each time; ends early like activate
    AuthorizeNew,
    /// 90% validate, 5% heartbeat, 4% verify, 1% activate; ends early when the activations are used up
    Mixed,
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `POST /validate`
    Validate,
    /// `POST /activate` with a new machine
    Activate,
    /// `POST /activate` with the machine of the set-up
    Reactivate,
    /// `POST /verify`
    Verify,
    /// `POST /heartbeat`
    Heartbeat,
    /// `POST /deactivate` of a machine that the set-up activated, once
    Deactivate,
    /// `POST /listMachines`
    ListMachines,
    /// `POST /v1/licenses/authorize` with the machine of the set-up
    Authorize,
    /// `POST /v1/licenses/authorize` with a new machine
    AuthorizeNew,
}

/// A license that the set-up creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `per-machine` with the service's default number of machines.
    PerMachine,
    /// `per-machine` with `maxMachines` -1.
    Unlimited,
    /// `floating`, for heartbeats.
    Floating,
}

/// Activations a license takes in one run, the set-up's included. The service refuses the 16th attempt within an hour;
/// this stays one below its 15, so that a run never measures the refusal.
pub const ATTEMPTS_PER_LICENSE: usize = 14;

/// In `mixed`, one license in this many is floating: heartbeats are 5% of the requests, so every license is called
/// about equally often.
const LICENSES_PER_FLOATING: usize = 20;

impl Scenario {
    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Activate => "activate",
            Self::Reactivate => "reactivate",
            Self::Verify => "verify",
            Self::Heartbeat => "heartbeat",
            Self::Deactivate => "deactivate",
            Self::ListMachines => "list-machines",
            Self::Authorize => "authorize",
            Self::AuthorizeNew => "authorize-new",
            Self::Mixed => "mixed",
        }
    }

    /// What a caller does in its step number `step`. A hundred steps in a row hold each operation of `mixed` exactly as
    /// often as its percentage says.
    pub fn operation(self, step: usize) -> Operation {
        match self {
            Self::Validate => Operation::Validate,
            Self::Activate => Operation::Activate,
            Self::Reactivate => Operation::Reactivate,
            Self::Verify => Operation::Verify,
            Self::Heartbeat => Operation::Heartbeat,
            Self::Deactivate => Operation::Deactivate,
            Self::ListMachines => Operation::ListMachines,
            Self::Authorize => Operation::Authorize,
            Self::AuthorizeNew => Operation::AuthorizeNew,
            // 37 shares no factor with 100, so this visits 0..100 once each, well spread.
            Self::Mixed => match step * 37 % 100 {
                0..90 => Operation::Validate,
                90..95 => Operation::Heartbeat,
                95..99 => Operation::Verify,
                _ => Operation::Activate,
            },
        }
    }

    /// Whether any step is this operation.
    pub fn sends(self, operation: Operation) -> bool {
        (0..100).any(|step| self.operation(step) == operation)
    }

    /// The kind of license number `index`.
    pub fn kind(self, index: usize) -> Kind {
        match self {
            Self::Validate | Self::Reactivate | Self::Verify | Self::ListMachines | Self::Authorize => Kind::PerMachine,
            Self::Activate | Self::Deactivate | Self::AuthorizeNew => Kind::Unlimited,
            Self::Heartbeat => Kind::Floating,
            Self::Mixed if index.is_multiple_of(LICENSES_PER_FLOATING) => Kind::Floating,
            Self::Mixed => Kind::Unlimited,
        }
    }

    /// The fewest licenses that give every operation one to work on.
    pub fn fewest_licenses(self) -> usize {
        match self {
            Self::Mixed => 2,
            Self::Validate
            | Self::Activate
            | Self::Reactivate
            | Self::Verify
            | Self::Heartbeat
            | Self::Deactivate
            | Self::ListMachines
            | Self::Authorize
            | Self::AuthorizeNew => 1,
        }
    }

    /// How many machines the set-up activates on each license.
    pub fn machines(self) -> usize {
        match self {
            Self::Validate
            | Self::Reactivate
            | Self::Heartbeat
            | Self::ListMachines
            | Self::Authorize
            | Self::Mixed => 1,
            Self::Deactivate => ATTEMPTS_PER_LICENSE,
            Self::Activate | Self::AuthorizeNew | Self::Verify => 0,
        }
    }

    /// Whether its requests show an API key of the product.
    pub fn shows_product_key(self) -> bool {
        self.sends(Operation::Authorize) || self.sends(Operation::AuthorizeNew)
    }

    /// Activations of one license left for the run.
    pub fn attempts_left(self) -> usize {
        ATTEMPTS_PER_LICENSE - self.machines()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_mixed_steps_hold_each_operation_as_often_as_promised() {
        for first in [0, 7, 1_000_003] {
            let count = |wanted| {
                (first..first + 100)
                    .filter(|step| Scenario::Mixed.operation(*step) == wanted)
                    .count()
            };
            assert_eq!(count(Operation::Validate), 90);
            assert_eq!(count(Operation::Heartbeat), 5);
            assert_eq!(count(Operation::Verify), 4);
            assert_eq!(count(Operation::Activate), 1);
        }
    }

    #[test]
    fn the_fewest_mixed_licenses_have_both_kinds() {
        let kinds: Vec<_> = (0..Scenario::Mixed.fewest_licenses())
            .map(|index| Scenario::Mixed.kind(index))
            .collect();
        assert_eq!(kinds, [Kind::Floating, Kind::Unlimited]);
    }

    #[test]
    fn the_name_is_what_the_command_line_takes() {
        for scenario in Scenario::value_variants() {
            assert_eq!(Scenario::from_str(scenario.name(), false), Ok(*scenario));
        }
    }
}
