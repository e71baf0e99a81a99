//! Creates the tables, where no template does.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{
    operation::create_table::CreateTableError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection as Projected,
        ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
    },
};

use crate::store::{
    Store,
    schema::{self, Index, Projection, Table},
    unexpected,
};
use crate::{Error, Result};

impl Store {
    /// Creates every table of [`schema::ALL`] that does not exist. Answers whether any was missing.
    pub async fn table_create_all(&self) -> Result<bool> {
        let mut created = false;
        for table in schema::ALL {
            created |= self.create_table(table).await?;
        }
        Ok(created)
    }

    async fn create_table(&self, table: &Table) -> Result<bool> {
        let mut attributes = BTreeSet::from([table.partition]);
        attributes.extend(table.sort);
        attributes.extend(
            table
                .indexes
                .iter()
                .flat_map(|index| [Some(index.partition), index.sort])
                .flatten(),
        );
        let attributes = attributes.into_iter().map(|name| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
        });
        let indexes = table.indexes.iter().map(global_index).collect::<Result<Vec<_>>>()?;
        let outcome = self
            .client
            .create_table()
            .table_name(self.table(table))
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes.collect::<Result<_, _>>().map_err(Error::internal)?))
            .set_key_schema(Some(key_schema(table.partition, table.sort)?))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
            .send()
            .await;
        match outcome {
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(CreateTableError::ResourceInUseException(_))
                ) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(unexpected(error)),
        }
        if let Some(attribute) = table.ttl {
            let ttl = TimeToLiveSpecification::builder()
                .attribute_name(attribute)
                .enabled(true)
                .build();
            self.client
                .update_time_to_live()
                .table_name(self.table(table))
                .time_to_live_specification(ttl.map_err(Error::internal)?)
                .send()
                .await
                .map_err(unexpected)?;
        }
        Ok(true)
    }
}

fn global_index(index: &Index) -> Result<GlobalSecondaryIndex> {
    let projection = match index.projection {
        Projection::Keys => ProjectionType::KeysOnly,
        Projection::Everything => ProjectionType::All,
    };
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(key_schema(index.partition, index.sort)?))
        .projection(Projected::builder().projection_type(projection).build())
        .build()
        .map_err(Error::internal)
}

fn key_schema(partition: &str, sort: Option<&str>) -> Result<Vec<KeySchemaElement>> {
    let element = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .map_err(Error::internal)
    };
    std::iter::once(element(partition, KeyType::Hash))
        .chain(sort.map(|name| element(name, KeyType::Range)))
        .collect()
}
