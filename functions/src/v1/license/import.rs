//! `POST /v1/dashboard/orgs/{orgId}/licenses/import`: bring licenses along from elsewhere, under the keys that they have.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::ErrorCode,
    license::{License, expiry::DaysOfUse, key::LicenseKey},
    owner::{OwnerId, Scope, member::Role, organisation::Membership},
    product::{Product, ProductId},
    store::license::create::ImportOutcome,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    create::new_license,
    view::{ExpirationMode, State, expiry},
};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        fields,
        subject::Names,
    },
    v1::{face::V1, person::Person, policy::GivenPolicy},
};

/// `POST /v1/dashboard/orgs/{orgId}/licenses/import`.
pub struct V1ImportLicenses;

/// The licenses, all of one product.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ImportLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    product_id: ProductId,
    /// 1 to 1,000. Each is read by itself, so that one with a fault does not stand in the way of others.
    #[cfg_attr(feature = "openapi", schemars(schema_with = "rows"))]
    licenses: Vec<Value>,
}

/// A license as it was elsewhere.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ImportedLicense")
)]
#[serde(rename_all = "camelCase")]
struct Row {
    key: LicenseKey,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    expiration_mode: Option<ExpirationMode>,
    /// That it has expired follows from its end, whatever is said here.
    status: Option<State>,
    policy_override: Option<GivenPolicy>,
}

/// What is no such license is told beside the others, and does not make the request a bad one.
#[cfg(feature = "openapi")]
fn rows(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let row = generator.subschema_for::<Row>();
    let other = schemars::json_schema!({
        "description": "What is no such license is told in `errors`.",
        "type": ["object", "string", "number", "boolean", "null"],
    });
    schemars::json_schema!({ "type": "array", "minItems": 1, "maxItems": MOST, "items": { "anyOf": [row, other] } })
}

/// What became of the licenses.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicensesImported")
)]
pub struct Reply {
    imported: u32,
    /// How many were there already: the same request again imports the rest.
    skipped: u32,
    errors: Vec<RowError>,
}

/// A license that was not imported.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ImportError"))]
struct RowError {
    /// Where in `licenses` it is, from 0.
    index: usize,
    /// Its key, if it has one.
    key: Option<LicenseKey>,
    message: String,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

/// How many licenses one request imports at most.
const MOST: usize = 1000;

impl Row {
    /// The license as it is here.
    fn license(&self, cx: &Context, product: &Product, now: Timestamp) -> Result<License> {
        let license = License {
            expiry: expiry(self.expiration_mode, self.expires_at, self.expires_after_days)?,
            ..new_license(cx, self.key.clone(), product, now)?
        };
        let policy = self.policy_override.as_ref().map(|given| given.parse("policyOverride"));
        let license = license.with_policy(policy.transpose()?, product);
        let changed = match self.status {
            Some(State::Revoked) => license.revoke(None, now),
            Some(State::Frozen) => license.freeze(now),
            Some(State::Active | State::Expired) | None => None,
        };
        Ok(changed.unwrap_or(license))
    }
}

/// What is wrong with a license that can't be imported.
fn told(error: Error) -> Result<String> {
    if let Error::Invalid(InvalidRequest::Field { field, expected }) = error {
        return Ok(format!("{field} must be {expected}"));
    }
    if let Error::Invalid(InvalidRequest::Policy { field, expected }) = error {
        return Ok(format!("{field} must be {expected}"));
    }
    Err(error)
}

impl Endpoint for V1ImportLicenses {
    const NAME: &'static str = "v1-import-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/import";
    const SUMMARY: &'static str = "Import licenses under the keys that they have: up to 1,000 at once.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["productId", "licenses"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ProductNotFound,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        if (1..=MOST).contains(&request.licenses.len()) {
            return Ok(());
        }
        Err(Error::field("licenses", &format!("a list of 1 to {MOST} licenses")))
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let scope = Scope::Owner(of.organisation.owner_id);
        let product = cx.store.product_get(&scope, &request.product_id).await?;
        let audit = cx.audit(&caller.origin);
        let mut reply = Reply {
            imported: 0,
            skipped: 0,
            errors: Vec::new(),
        };
        let mut places = Vec::new();
        let mut licenses = Vec::new();
        for (index, row) in request.licenses.into_iter().enumerate() {
            let fields = match row {
                Value::Object(fields) => fields,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
            };
            let key = fields.get("key").and_then(Value::as_str).and_then(LicenseKey::parse);
            match fields::parse::<Row>(fields).and_then(|row| row.license(cx, &product, audit.now)) {
                Ok(license) => {
                    places.push((index, license.license_key.clone()));
                    licenses.push(license);
                }
                Err(error) => reply.errors.push(RowError {
                    index,
                    key,
                    message: told(error)?,
                }),
            }
        }
        let outcomes = cx.store.license_import(licenses, &audit).await?;
        for ((index, key), outcome) in places.into_iter().zip(outcomes) {
            match outcome {
                ImportOutcome::Done => reply.imported += 1,
                ImportOutcome::There => reply.skipped += 1,
                ImportOutcome::KeyTaken => reply.errors.push(RowError {
                    index,
                    key: Some(key),
                    message: "key is another license's, or was".to_owned(),
                }),
            }
        }
        reply.errors.sort_by_key(|error| error.index);
        Ok(reply)
    }
}
