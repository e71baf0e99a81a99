//! How many licenses are in which state, counted by the keys of indexes.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::list::{LicenseFilter, LicenseState, Partition, Position, READS_AT_ONCE, partitions};
use crate::{Error, Result, Timestamp, license::standing::LicenseStatus, owner::Scope, store::Store};

/// How many licenses are in which state. Each is in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LicenseTally {
    /// They work.
    pub active: usize,
    /// Their end has come.
    pub expired: usize,
    /// They are suspended, and no grace is left.
    pub suspended: usize,
    /// They were revoked.
    pub revoked: usize,
    /// Whether that is all: more than so many keys of each kind are not counted.
    pub is_exact: bool,
}

impl LicenseTally {
    /// How many licenses there are.
    pub fn total(&self) -> usize {
        self.active + self.expired + self.suspended + self.revoked
    }
}

impl Store {
    /// Counts the licenses that `scope` covers, of the owners and the product in `filter`, at `now`: up to `most` of each status,
    /// and of those whose end has passed.
    pub async fn license_tally(
        &self,
        scope: &Scope,
        filter: &LicenseFilter,
        most: usize,
        now: Timestamp,
    ) -> Result<LicenseTally> {
        let of_state = |state| LicenseFilter {
            owners: filter.owners.clone(),
            product: filter.product.clone(),
            email: None,
            state,
        };
        // Of each owner, or of the product, one for each status.
        let statuses = LicenseStatus::ALL.iter().copied().cycle().map(Some);
        let by_status = partitions(scope, &of_state(None), now).into_iter();
        let expired = partitions(scope, &of_state(Some(LicenseState::Expired)), now);
        let parts: Vec<(Partition, Option<LicenseStatus>)> = by_status
            .zip(statuses)
            .chain(expired.into_iter().map(|partition| (partition, None)))
            .collect();
        let read = stream::iter(parts).map(|(partition, status): (Partition, Option<LicenseStatus>)| async move {
            let (keys, is_all) = self.license_keys_in(&partition, most).await?;
            Ok::<_, Error>((status, keys, is_all))
        });
        let read: Vec<(Option<LicenseStatus>, Vec<String>, bool)> = read.buffered(READS_AT_ONCE).try_collect().await?;
        let is_exact = read.iter().all(|(_, _, is_all)| *is_all);
        let ended = read.iter().filter(|(status, ..)| status.is_none());
        let expired: HashSet<&String> = ended.flat_map(|(_, keys, _)| keys).collect();
        let mut tally = LicenseTally {
            is_exact,
            ..LicenseTally::default()
        };
        for (status, keys, _) in &read {
            match status {
                Some(LicenseStatus::Active | LicenseStatus::Degraded) => {
                    let over = keys.iter().filter(|key| expired.contains(key)).count();
                    tally.expired += over;
                    tally.active += keys.len() - over;
                }
                // There are few, and the detectors leave each some grace, which no index tells.
                Some(LicenseStatus::Suspended) => {
                    for license in self.license_get_each_unscoped(keys).await? {
                        if license.standing.is_blocked(now) {
                            tally.suspended += 1;
                        } else if license.has_expired(now) {
                            tally.expired += 1;
                        } else {
                            tally.active += 1;
                        }
                    }
                }
                Some(LicenseStatus::Revoked) => tally.revoked += keys.len(),
                None => {}
            }
        }
        Ok(tally)
    }

    /// The keys in a part of an index, up to `most`, and whether that is all.
    async fn license_keys_in(&self, partition: &Partition, most: usize) -> Result<(Vec<String>, bool)> {
        let mut keys = Vec::new();
        let mut position = Position::Start;
        while keys.len() < most {
            let wanted = most - keys.len();
            let (found, more) = self.license_read_keys(0, partition, &position, wanted).await?;
            if let Some(last) = found.last() {
                position = Position::After(last.sort.clone(), last.key.clone());
            }
            keys.extend(found.into_iter().map(|found| found.key));
            if !more {
                return Ok((keys, true));
            }
        }
        Ok((keys, false))
    }
}
