//! A DynamoDB in this process: the engine, and the way the SDK reaches it without a socket.

use std::path::Path;

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError, actions::transact_write_items::TransactWriteItemsRequest};
use keystead_core::store::Connection;
use serde::{Serialize, de::DeserializeOwned};

/// A DynamoDB in this process. Clones share its data.
#[derive(Clone)]
pub struct Engine {
    database: Database,
}

/// What a write survives once it was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Durability {
    /// The loss of power: every write waits for the disk.
    #[default]
    PowerLoss,
    /// The end of the process, also by `kill -9`, but not that of the machine: several times faster.
    Crash,
}

impl Engine {
    /// An engine whose data ends with the process.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn in_memory() -> Result<Self, DynoxideError> {
        Ok(Self {
            database: Database::memory()?,
        })
    }

    /// An engine over a file, which is made when there is none.
    ///
    /// # Errors
    /// When the file can't be opened or is not a database.
    pub fn open(file: &Path, durability: Durability) -> Result<Self, DynoxideError> {
        let path = file
            .to_str()
            .ok_or_else(|| DynoxideError::ValidationException("the path of the data folder is not UTF-8".to_owned()))?;
        let database = Database::new(path)?;
        match durability {
            // SQLite's own default over a write-ahead log: synchronous=FULL.
            Durability::PowerLoss => {}
            // Ending a bulk load is how the engine lets one set synchronous=NORMAL; the other settings it restores are
            // the defaults.
            Durability::Crash => database.disable_bulk_loading()?,
        }
        Ok(Self { database })
    }

    /// How a [`keystead_core::store::Store`] reaches this engine: without a socket, and unsigned.
    pub fn connection(&self) -> Connection {
        Connection {
            http: SharedHttpClient::new(self.clone()),
            region: "local".to_owned(),
            credentials: None,
            endpoint: Some("http://embedded".to_owned()),
            attempt_timeout: None,
            retries: false,
            product_ttl: Connection::PRODUCT_TTL,
            measure_capacity: false,
        }
    }

    /// Deletes the items whose time to live has passed, which DynamoDB does by itself. Answers how many.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn sweep(&self) -> Result<usize, DynoxideError> {
        self.database.sweep_ttl()
    }

    /// Answers one request of DynamoDB's protocol: the operation of its header `X-Amz-Target`, and its body.
    pub fn answer(&self, operation: &str, body: &[u8]) -> (u16, Vec<u8>) {
        Self::reply(self.dispatch(operation, body))
    }

    /// As [`Engine::answer`], for a caller whose replies can't be lost on the way.
    ///
    /// Such a caller never retries a transaction that took effect, so its idempotency token is not kept. The engine
    /// looks through all that it keeps, ten minutes long, at every transaction.
    fn answer_here(&self, operation: &str, body: &[u8]) -> (u16, Vec<u8>) {
        if operation != "TransactWriteItems" {
            return self.answer(operation, body);
        }
        Self::reply(parse(body).and_then(|mut request: TransactWriteItemsRequest| {
            request.client_request_token = None;
            write(&self.database.transact_write_items(request)?)
        }))
    }

    fn reply(outcome: Result<Vec<u8>, DynoxideError>) -> (u16, Vec<u8>) {
        match outcome {
            Ok(reply) => (200, reply),
            Err(error) => (error.status_code(), error.to_json().into_bytes()),
        }
    }

    /// The operations that the store uses.
    fn dispatch(&self, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let db = &self.database;
        macro_rules! call {
            ($method:ident) => {
                write(&db.$method(parse(body)?)?)
            };
        }
        match operation {
            "GetItem" => call!(get_item),
            "BatchGetItem" => call!(batch_get_item),
            "TransactGetItems" => call!(transact_get_items),
            "Query" => call!(query),
            "PutItem" => call!(put_item),
            "UpdateItem" => call!(update_item),
            "DeleteItem" => call!(delete_item),
            "TransactWriteItems" => call!(transact_write_items),
            "CreateTable" => call!(create_table),
            "DescribeTable" => call!(describe_table),
            "UpdateTimeToLive" => call!(update_time_to_live),
            // For a look at the data from outside; no request path scans.
            "Scan" => call!(scan),
            "ListTables" => call!(list_tables),
            _ => Err(DynoxideError::ValidationException(format!(
                "{operation} is not used by Keystead"
            ))),
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))
}

fn write<T: Serialize>(reply: &T) -> Result<Vec<u8>, DynoxideError> {
    serde_json::to_vec(reply).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl HttpClient for Engine {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Engine {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        const TARGET: &str = "DynamoDB_20120810.";

        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.strip_prefix(TARGET).unwrap_or(target);
        let (status, reply) = self.answer_here(operation, request.body().bytes().unwrap_or_default());
        HttpConnectorFuture::ready(
            StatusCode::try_from(status)
                .map(|status| HttpResponse::new(status, SdkBody::from(reply)))
                .map_err(|error| ConnectorError::other(Box::new(error), None)),
        )
    }
}
