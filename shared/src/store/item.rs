//! Items as DynamoDB has them, and how entities become items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, store::schema};

/// An item: its attributes by their names.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// What an attribute holds that is more than a text or a number.
pub(super) fn attribute<T: Serialize>(value: &T) -> Result<AttributeValue> {
    serde_dynamo::to_attribute_value(value).map_err(Error::internal)
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Item> {
    serde_dynamo::to_item(value).map_err(Error::internal)
}

pub(super) fn decode<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(Error::internal)
}

pub(super) fn decode_all<T: DeserializeOwned>(items: Option<Vec<Item>>) -> Result<Vec<T>> {
    items.unwrap_or_default().into_iter().map(decode).collect()
}

impl schema::Table {
    /// The key of an item.
    pub(super) fn key(&self, partition: &str, sort: Option<&str>) -> Item {
        let mut key = HashMap::from([(self.partition.to_owned(), text(partition))]);
        if let (Some(name), Some(value)) = (self.sort, sort) {
            key.insert(name.to_owned(), text(value));
        }
        key
    }
}
