//! Moves: how often a license may go from one machine to another.

use std::time::Duration;

/// How often a license may be moved from one machine to another.
#[derive(Clone, Copy, Debug)]
pub struct MovePolicy {
    /// How many moves a window admits (`KEYSTEAD_MOVES`, default 3; 0: none).
    pub limit: usize,
    /// How long a move counts (`KEYSTEAD_MOVES_DAYS`, default 30).
    pub window: Duration,
}
