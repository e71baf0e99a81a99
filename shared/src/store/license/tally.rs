//! How many licenses of a product are in which state, counted by the keys of indexes.

use std::collections::HashSet;

use futures_util::future::try_join_all;

use super::list::{Partition, Position, Range};
use crate::{
    Result, Timestamp,
    license::standing::LicenseStatus,
    product::ProductId,
    store::{Store, schema},
};

/// How many licenses are in which state. Each is in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LicenseTally {
    /// They work.
    pub active: usize,
    /// Their end has come.
    pub expired: usize,
    /// They are suspended, by their vendor or by the detectors.
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
    /// Counts the licenses of a product at `now`, up to `most` of each status and of those that have expired.
    ///
    /// **Unscoped**: the caller must check the product's owner.
    pub async fn license_tally_unscoped(
        &self,
        product: &ProductId,
        most: usize,
        now: Timestamp,
    ) -> Result<LicenseTally> {
        let of_status = |status: &LicenseStatus| Partition {
            index: &schema::LICENSES_BY_PRODUCT,
            value: format!("{product}#{status}"),
            range: Range::Whole,
        };
        let expired = Partition {
            index: &schema::LICENSES_BY_PRODUCT_EXPIRY,
            value: product.to_string(),
            range: Range::Until(now),
        };
        let partitions: Vec<Partition> = LicenseStatus::ALL.iter().map(of_status).chain([expired]).collect();
        let keys = partitions.iter().map(|partition| self.license_keys_in(partition, most));
        let mut read = try_join_all(keys).await?;
        let (expired, all_expired) = read.pop().unwrap_or_default();
        let expired: HashSet<String> = expired.into_iter().collect();
        let mut tally = LicenseTally {
            is_exact: all_expired && read.iter().all(|(_, is_all)| *is_all),
            ..LicenseTally::default()
        };
        for (status, (keys, _)) in LicenseStatus::ALL.iter().zip(read) {
            match status {
                LicenseStatus::Active | LicenseStatus::Degraded => {
                    let over = keys.iter().filter(|key| expired.contains(*key)).count();
                    tally.expired += over;
                    tally.active += keys.len() - over;
                }
                LicenseStatus::Suspended => tally.suspended += keys.len(),
                LicenseStatus::Revoked => tally.revoked += keys.len(),
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
