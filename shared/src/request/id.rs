//! Request ids: by which a reply, its line in the log and what it changed are found together.

use crate::{
    Result, Timestamp,
    ids::Ids,
    value::text::{is_plain, text_value},
};

text_value!(
    /// The id of one request. The service or what runs it makes it; nothing that a client sends is one.
    RequestId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl RequestId {
    /// A new one, where nothing before the service has made one.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(ids.uuid_v7(now)?.to_string()))
    }
}
