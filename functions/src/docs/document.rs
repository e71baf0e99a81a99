//! `GET /openapi.json`, and a document for each API: what this service can be asked, for machines.
//!
//! The documents are committed: a function makes none. The tests write them, from the endpoints' types.

use keystead_core::{Error, Result};
use miniz_oxide::inflate::decompress_to_vec;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::face::Documentation;
#[cfg(feature = "openapi")]
use crate::frame::openapi::schema::schema;
use crate::frame::{
    callers::Anyone,
    context::Context,
    endpoint::Endpoint,
    reply::{Body, Cache, JSON},
};

/// The documents, packed by `build.rs`.
const FLAT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/flat.json.deflate"));
const LICENSE_KEYS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/license-keys.json.deflate"));
const ACCOUNTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/accounts.json.deflate"));
const V1: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/v1.json.deflate"));

/// Nothing to ask.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// An OpenAPI document.
pub struct Document(Vec<u8>);

#[cfg(feature = "openapi")]
schema!(Document, { "description": "An OpenAPI document.", "type": "object" });

impl Body for Document {
    const CONTENT_TYPE: &'static str = JSON;

    fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}

/// `GET /openapi.json`: every API in one document.
pub struct OpenapiJson;

impl Endpoint for OpenapiJson {
    const NAME: &'static str = "openapi-json";
    const ROUTE: &'static str = "GET /openapi.json";
    const SUMMARY: &'static str = "Get the document of every API.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = Documentation;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Document;

    async fn call(_: &Context, _: Anyone, _: Request, (): ()) -> Result<Document> {
        whole().map(Document)
    }
}

/// `GET /openapi/flat.json`.
pub struct OpenapiFlat;

impl Endpoint for OpenapiFlat {
    const NAME: &'static str = "openapi-flat";
    const ROUTE: &'static str = "GET /openapi/flat.json";
    const SUMMARY: &'static str = "Get this document.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = Documentation;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Document;

    async fn call(_: &Context, _: Anyone, _: Request, (): ()) -> Result<Document> {
        unpacked(FLAT).map(Document)
    }
}

/// `GET /openapi/license-keys.json`.
pub struct OpenapiLicenseKeys;

impl Endpoint for OpenapiLicenseKeys {
    const NAME: &'static str = "openapi-license-keys";
    const ROUTE: &'static str = "GET /openapi/license-keys.json";
    const SUMMARY: &'static str = "Get the document of the license-keys API.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = Documentation;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Document;

    async fn call(_: &Context, _: Anyone, _: Request, (): ()) -> Result<Document> {
        unpacked(LICENSE_KEYS).map(Document)
    }
}

/// `GET /openapi/accounts.json`.
pub struct OpenapiAccounts;

impl Endpoint for OpenapiAccounts {
    const NAME: &'static str = "openapi-accounts";
    const ROUTE: &'static str = "GET /openapi/accounts.json";
    const SUMMARY: &'static str = "Get the document of the accounts API.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = Documentation;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Document;

    async fn call(_: &Context, _: Anyone, _: Request, (): ()) -> Result<Document> {
        unpacked(ACCOUNTS).map(Document)
    }
}

/// `GET /openapi/v1.json`.
pub struct OpenapiV1;

impl Endpoint for OpenapiV1 {
    const NAME: &'static str = "openapi-v1";
    const ROUTE: &'static str = "GET /openapi/v1.json";
    const SUMMARY: &'static str = "Get the document of the dashboard API.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = Documentation;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Document;

    async fn call(_: &Context, _: Anyone, _: Request, (): ()) -> Result<Document> {
        unpacked(V1).map(Document)
    }
}

fn unpacked(document: &[u8]) -> Result<Vec<u8>> {
    decompress_to_vec(document).map_err(|error| Error::internal(error.to_string()))
}

/// The documents of all APIs as one. What two of them hold, they hold alike.
fn whole() -> Result<Vec<u8>> {
    let mut whole = Map::new();
    for document in [FLAT, LICENSE_KEYS, ACCOUNTS, V1] {
        let document: Map<String, Value> = serde_json::from_slice(&unpacked(document)?).map_err(Error::internal)?;
        merge(&mut whole, document);
    }
    let title = Map::from_iter([("title".to_owned(), Value::from("Keystead"))]);
    merge(&mut whole, Map::from_iter([("info".to_owned(), Value::Object(title))]));
    serde_json::to_vec(&whole).map_err(Error::internal)
}

/// Puts `more` into `whole`: objects into objects, what is new to a list behind it, and anything else in its place.
fn merge(whole: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (whole.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            (Some(Value::Array(known)), Value::Array(more)) => {
                for item in more {
                    if !known.contains(&item) {
                        known.push(item);
                    }
                }
            }
            (_, value) => {
                whole.insert(name, value);
            }
        }
    }
}
