//! Cursors of lists of events: where the page before ended, sealed for the list that it is of.

use keystead_core::{
    Error, Result,
    event::EventId,
    signing::sealing::{Seal, SealingRoot},
};

/// The cursors of one list of events: of one log, and one filter.
pub(crate) struct EventCursors {
    seal: Seal,
    list: String,
}

impl EventCursors {
    /// Those of the list with this name, which no other list has.
    pub(crate) fn of(root: &SealingRoot, list: String) -> Result<Self> {
        Ok(Self {
            seal: root.seal_for("cursor")?,
            list,
        })
    }

    /// After which event the page begins that is asked for.
    ///
    /// # Errors
    /// What was made up, changed, or told of another list.
    pub(crate) fn open(&self, cursor: Option<&str>) -> Result<Option<EventId>> {
        let opened = |cursor: &str| {
            let bytes = self.seal.open(&self.list, cursor)?;
            EventId::parse(std::str::from_utf8(&bytes).ok()?)
        };
        cursor
            .map(|cursor| opened(cursor).ok_or_else(invalid_cursor))
            .transpose()
    }

    /// What to ask for the page with that begins after this event.
    pub(crate) fn seal(&self, last: Option<&EventId>) -> Result<Option<String>> {
        last.map(|last| self.seal.seal(&self.list, last.as_str().as_bytes()))
            .transpose()
    }
}

/// What is said of a text that is no cursor of the list that is asked for.
pub(crate) fn invalid_cursor() -> Error {
    Error::field("cursor", "the nextCursor of a page of the same list")
}
