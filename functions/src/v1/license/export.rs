//! `GET /v1/dashboard/orgs/{orgId}/licenses/export`: licenses as a file, in CSV or JSON.

use keystead_core::{
    Error, Result, Timestamp,
    error::ErrorCode,
    event::EventType,
    license::{License, expiry::DaysOfUse, key::LicenseId},
    owner::{OwnerId, Scope, member::Role, organisation::Membership},
    product::ProductId,
    store::license::list::{Cursor, LicenseFilter, LicenseState},
    value::formula::defused,
};
use serde::{Deserialize, Serialize};

use super::view::{ExpirationMode, State};
use crate::{
    frame::{
        context::Context,
        cursor::invalid_cursor,
        endpoint::{Endpoint, Needs},
        reply::{Body, CSV, Head, JSON},
        subject::Names,
    },
    v1::{face::V1, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/licenses/export`.
pub struct V1ExportLicenses;

/// What the file is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Rows with a header, in UTF-8.
    #[default]
    Csv,
    /// As other answers are.
    Json,
}

/// Which licenses, and in what.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ExportLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    /// `csv`, if absent.
    format: Option<Format>,
    product_id: Option<ProductId>,
    status: Option<State>,
    /// What the file before ended with, of more licenses than one holds: `nextCursor`, in CSV in the header `X-Next-Cursor`.
    cursor: Option<String>,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

/// A license as a row has it.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ExportedLicense")
)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: LicenseId,
    key: String,
    product_id: ProductId,
    status: State,
    expiration_mode: ExpirationMode,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    activated_at: Option<Timestamp>,
    created_at: Timestamp,
}

/// The licenses, the newest first: some 10,000 at most.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ExportedLicenses")
)]
#[serde(rename_all = "camelCase")]
struct Export {
    licenses: Vec<Row>,
    /// What to ask for the next file with; null on the last.
    next_cursor: Option<String>,
}

/// The file.
pub struct Reply {
    export: Export,
    format: Format,
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Reply {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Export::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Export::json_schema(generator)
    }
}

impl Body for Reply {
    const CONTENT_TYPE: &'static str = JSON;
    const ALSO: Option<&'static str> = Some(CSV);

    fn content_type(&self) -> &'static str {
        match self.format {
            Format::Csv => CSV,
            Format::Json => JSON,
        }
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        match self.format {
            Format::Csv => csv(&self.export.licenses),
            Format::Json => serde_json::to_vec(&self.export).map_err(Error::internal),
        }
    }
}

/// How many licenses a file holds at most, how many bytes of their rows, and how many are read at once: what fits into an answer of
/// a Lambda function, and into its memory.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 4_000_000;
const AT_ONCE: usize = 1000;

/// What a row takes beside its key and its ids, in bytes: five short texts and three dates, with their names in JSON.
const ROW_BYTES: usize = 320;

/// The rows, in which a spreadsheet takes nothing for a formula: a key may be any text.
fn csv(rows: &[Row]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if rows.is_empty() {
        writer.write_record(COLUMNS).map_err(Error::internal)?;
    }
    for row in rows {
        let row = Row {
            key: defused(row.key.clone()),
            id: row.id.clone(),
            product_id: row.product_id.clone(),
            ..*row
        };
        writer.serialize(row).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// The header of a file without rows, which has none to take it from.
const COLUMNS: [&str; 9] = [
    "id",
    "key",
    "productId",
    "status",
    "expirationMode",
    "expiresAt",
    "expiresAfterDays",
    "activatedAt",
    "createdAt",
];

impl Row {
    fn new(license: &License, now: Timestamp) -> Self {
        let (at, days) = license.expiry.parts();
        Self {
            id: license.license_id.clone(),
            key: license.license_key.as_str().to_owned(),
            product_id: license.product_id.clone(),
            status: State::of(license, now),
            expiration_mode: ExpirationMode::of(license.expiry),
            expires_at: at,
            expires_after_days: days,
            activated_at: license.first_used_at,
            created_at: license.created_at,
        }
    }
}

impl Endpoint for V1ExportLicenses {
    const NAME: &'static str = "v1-export-licenses";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/licenses/export";
    const SUMMARY: &'static str = "Save licenses as a file, in CSV or JSON.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
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

    fn head(_: &Context, reply: &Reply) -> Head {
        let name = match reply.format {
            Format::Csv => Some("licenses.csv"),
            Format::Json => None,
        };
        Head {
            attachment: name,
            next_cursor: name.and(reply.export.next_cursor.clone()),
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let owner = of.organisation.owner_id;
        let scope = Scope::Owner(owner.clone());
        let filter = LicenseFilter {
            product: request.product_id,
            state: request.status.map(LicenseState::from),
            ..LicenseFilter::default()
        };
        let seal = caller.sealing.seal_for("cursor")?;
        let opened = |text: &str| Cursor::open(text, &seal, &scope, &filter).ok_or_else(invalid_cursor);
        let start = request.cursor.as_deref().map(opened).transpose()?;
        // Who takes the keys away is known, also if the file never arrives.
        let entry = audit.entry(EventType::LicensesExported, &owner, owner.as_str())?;
        if let Some(product) = &filter.product {
            // The index has the licenses of any product.
            cx.store.product_get(&scope, product).await?;
        }
        cx.store.event_note_alone(&entry).await?;
        let (mut rows, mut bytes, mut next) = (Vec::new(), 0, start);
        loop {
            let page = cx
                .store
                .license_list(&scope, &filter, AT_ONCE, next.as_ref(), audit.now)
                .await?;
            let page = page.ok_or_else(invalid_cursor)?;
            for license in &page.licenses {
                let row = Row::new(license, audit.now);
                bytes += ROW_BYTES + row.key.len() + row.id.as_str().len() + row.product_id.as_str().len();
                rows.push(row);
            }
            next = page.next;
            if next.is_none() || rows.len() >= MOST || bytes >= MOST_BYTES {
                break;
            }
        }
        let next = next.map(|next| next.seal(&seal, &scope, &filter));
        Ok(Reply {
            export: Export {
                licenses: rows,
                next_cursor: next.transpose()?,
            },
            format: request.format.unwrap_or_default(),
        })
    }
}
