//! Events.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use crate::store::{Store, encode, schema};
use crate::{Error, Result, event::Event, license::License};

impl Store {
    /// That `event` happened: to be written in one transaction with what it tells of. Should it be there already, then the
    /// same request did it when it was carried out before, and the transaction counts as written: what
    /// others did since is not undone.
    pub(super) fn note(&self, event: &Event) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(self.table(&schema::EVENTS))
            .set_item(Some(encode(event)?))
            .condition_expression("attribute_not_exists(eventId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// What happened to a license that the caller was found to own, oldest first.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn event_list(&self, license: &License) -> Result<Vec<Event>> {
        self.partition(&schema::EVENTS, license.license_id.as_str()).await
    }
}
