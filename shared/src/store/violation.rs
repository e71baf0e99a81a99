//! Violations.

use super::{Store, schema};
use crate::{Result, license::License, violation::Violation};

impl Store {
    /// The violations of a license that the caller was found to own, oldest first.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn violations(&self, license: &License) -> Result<Vec<Violation>> {
        self.partition(&schema::VIOLATIONS, license.license_id.as_str()).await
    }
}
