//! Events.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::{Store, encode, schema};
use crate::{Error, Result, event::Event, license::License};

impl Store {
    /// That `event` happened: to be written in one transaction with what it tells of.
    pub(super) fn note(&self, event: &Event) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(self.table(&schema::EVENTS))
            .set_item(Some(encode(event)?))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// What happened to a license that the caller was found to own, oldest first.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn events(&self, license: &License) -> Result<Vec<Event>> {
        self.partition(&schema::EVENTS, license.license_id.as_str()).await
    }
}
