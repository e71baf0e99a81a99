//! The files that licenses are imported from and exported to: CSV, and NDJSON (a JSON object on each line).

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    path::Path,
};

use clap::ValueEnum;
use keystead_core::{
    Timestamp,
    license::{
        key::LicenseKey,
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    value::{email::Email, reference::Reference},
};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::failure::Failure;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table with a first line that names its columns.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

impl Format {
    /// The format that the end of a file's name tells: CSV, unless it tells another.
    pub(crate) fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if ["ndjson", "jsonl"].iter().any(|json| ending.eq_ignore_ascii_case(json)) {
            Self::Ndjson
        } else {
            Self::Csv
        }
    }
}

/// What a file can say of a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    LicenseKey,
    Email,
    ProductId,
    Variant,
    LicenseType,
    Status,
    MaxMachines,
    MaxConcurrent,
    CreatedAt,
    PurchasedAt,
    ExpiresAt,
    DiscountCode,
    PurchaseId,
    BundleId,
    UnlockedProducts,
    DisputeReason,
}

impl Column {
    /// In the order of an export.
    const ALL: [Self; 16] = [
        Self::LicenseKey,
        Self::Email,
        Self::ProductId,
        Self::Variant,
        Self::LicenseType,
        Self::Status,
        Self::MaxMachines,
        Self::MaxConcurrent,
        Self::CreatedAt,
        Self::PurchasedAt,
        Self::ExpiresAt,
        Self::DiscountCode,
        Self::PurchaseId,
        Self::BundleId,
        Self::UnlockedProducts,
        Self::DisputeReason,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::LicenseKey => "licenseKey",
            Self::Email => "email",
            Self::ProductId => "productId",
            Self::Variant => "variant",
            Self::LicenseType => "licenseType",
            Self::Status => "status",
            Self::MaxMachines => "maxMachines",
            Self::MaxConcurrent => "maxConcurrent",
            Self::CreatedAt => "createdAt",
            Self::PurchasedAt => "purchasedAt",
            Self::ExpiresAt => "expiresAt",
            Self::DiscountCode => "discountCode",
            Self::PurchaseId => "purchaseId",
            Self::BundleId => "bundleId",
            Self::UnlockedProducts => "unlockedProducts",
            Self::DisputeReason => "disputeReason",
        }
    }

    /// The column that is meant: `license_key`, `License Key` and `licenseKey` are one, and so is `key`, as the API has
    /// it.
    fn named(header: &str) -> Option<Self> {
        let plain: String = header
            .chars()
            .filter(|c| !matches!(c, '_' | '-' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if plain == "key" {
            return Some(Self::LicenseKey);
        }
        Self::ALL
            .into_iter()
            .find(|column| column.name().eq_ignore_ascii_case(&plain))
    }

    /// Where the API's license objects have it.
    const fn field(self) -> &'static str {
        if matches!(self, Self::LicenseKey) {
            "key"
        } else {
            self.name()
        }
    }
}

/// What lines that don't say it are for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) product: Option<ProductId>,
    pub(crate) variant: Option<VariantId>,
}

/// The license that a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) license_key: Option<LicenseKey>,
    pub(crate) email: Email,
    pub(crate) product_id: ProductId,
    pub(crate) variant: Option<VariantId>,
    pub(crate) license_type: Option<LicenseType>,
    pub(crate) status: LicenseStatus,
    pub(crate) max_machines: Option<SeatLimit>,
    pub(crate) max_concurrent: Option<SeatLimit>,
    pub(crate) purchased_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) discount_code: Option<Reference>,
    pub(crate) purchase_id: Option<Reference>,
    pub(crate) bundle_id: Option<Reference>,
    pub(crate) unlocked_products: Vec<ProductId>,
    pub(crate) dispute_reason: Option<Reference>,
}

/// A line's values as text. Those that are empty are absent.
type Cells = BTreeMap<Column, String>;

impl Row {
    fn parse(cells: &Cells, defaults: &Defaults) -> Result<Self, String> {
        // Neither is ever quoted: a key has no place in messages.
        const KEY: &str = "a text of at most 128 characters";
        const NOTE: &str = "a text of at most 256 characters";
        const NUMBER: &str = "a whole number, -1 or `unlimited`";
        const TIME: &str = "a time with a zone, such as 2024-01-31T00:00:00Z";

        let seats = |text: &str| match text {
            "unlimited" => Some(SeatLimit::Unlimited),
            number => SeatLimit::parse(number.parse().ok()?),
        };
        let list = |text: &str| {
            let ids = text.split(|c: char| c == ';' || c.is_whitespace());
            ids.filter(|id| !id.is_empty()).map(ProductId::parse).collect()
        };
        let created_at = value(cells, Column::CreatedAt, TIME, Timestamp::parse)?;
        Ok(Self {
            license_key: value(cells, Column::LicenseKey, KEY, LicenseKey::parse)?,
            email: value(cells, Column::Email, "an email address", Email::parse)?.ok_or("email is missing")?,
            product_id: value(cells, Column::ProductId, KEY, ProductId::parse)?
                .or_else(|| defaults.product.clone())
                .ok_or("productId is missing")?,
            variant: value(cells, Column::Variant, KEY, VariantId::parse)?.or_else(|| defaults.variant.clone()),
            license_type: value(
                cells,
                Column::LicenseType,
                "per-machine, floating or site",
                LicenseType::parse,
            )?,
            status: value(
                cells,
                Column::Status,
                "active, degraded, suspended or revoked",
                LicenseStatus::parse,
            )?
            .unwrap_or(LicenseStatus::Active),
            max_machines: value(cells, Column::MaxMachines, NUMBER, seats)?,
            max_concurrent: value(cells, Column::MaxConcurrent, NUMBER, seats)?,
            // The server keeps when it made a license itself; what it was elsewhere is when it was bought.
            purchased_at: value(cells, Column::PurchasedAt, TIME, Timestamp::parse)?.or(created_at),
            expires_at: value(cells, Column::ExpiresAt, TIME, Timestamp::parse)?,
            discount_code: value(cells, Column::DiscountCode, NOTE, Reference::parse)?,
            purchase_id: value(cells, Column::PurchaseId, NOTE, Reference::parse)?,
            bundle_id: value(cells, Column::BundleId, NOTE, Reference::parse)?,
            unlocked_products: value(
                cells,
                Column::UnlockedProducts,
                "product ids, separated by spaces or semicolons",
                list,
            )?
            .unwrap_or_default(),
            dispute_reason: value(cells, Column::DisputeReason, NOTE, Reference::parse)?,
        })
    }
}

fn value<T>(
    cells: &Cells,
    column: Column,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    let Some(text) = cells.get(&column) else {
        return Ok(None);
    };
    parse(text.trim())
        .map(Some)
        .ok_or_else(|| format!("{} must be {expected}", column.name()))
}

/// A file of licenses, line by line.
pub(crate) struct LicenseFile<R> {
    input: R,
    /// The number of the line that was read last, from 1.
    number: u64,
    layout: Layout,
    defaults: Defaults,
}

enum Layout {
    /// What each cell of a line is; `None` is one that is passed over.
    Csv(Vec<Option<Column>>),
    Ndjson {
        ignore_unknown: bool,
    },
}

/// A line that is not blank.
#[derive(Debug)]
pub(crate) struct Line {
    /// Its number in the file, from 1.
    pub(crate) number: u64,
    /// Its license, or what is wrong with it.
    pub(crate) row: Result<Row, String>,
}

impl<R: BufRead> LicenseFile<R> {
    /// Reads as far as the names of the columns.
    ///
    /// # Errors
    /// When the file can't be read, or its columns can't be those of licenses.
    pub(crate) fn open(input: R, format: Format, defaults: Defaults, ignore_unknown: bool) -> Result<Self, Failure> {
        let mut file = Self {
            input,
            number: 0,
            layout: Layout::Ndjson { ignore_unknown },
            defaults,
        };
        match format {
            Format::Ndjson => {}
            Format::Csv => {
                let header = file.line().map_err(|error| Failure::Local(error.to_string()))?;
                let header = header.ok_or_else(|| Failure::Local("the file is empty".to_owned()))?;
                let names = cells_of(&header).map_err(Failure::Local)?;
                file.layout = Layout::Csv(columns(&names, &file.defaults, ignore_unknown).map_err(Failure::Local)?);
            }
        }
        Ok(file)
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        let Some(bytes) = self.line()? else {
            return Ok(None);
        };
        let cells = match &self.layout {
            Layout::Csv(columns) => csv_cells(&bytes, columns),
            Layout::Ndjson { ignore_unknown } => json_cells(&bytes, *ignore_unknown),
        };
        Ok(Some(Line {
            number: self.number,
            row: cells.and_then(|cells| Row::parse(&cells, &self.defaults)),
        }))
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            if self.input.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            // Spreadsheets begin a file with the mark of UTF-8.
            if self.number == 1 && line.starts_with(b"\xef\xbb\xbf") {
                line.drain(..3);
            }
            let end = line.trim_ascii_end().len();
            line.truncate(end);
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

/// What each column is, by its name.
fn columns(names: &[String], defaults: &Defaults, ignore_unknown: bool) -> Result<Vec<Option<Column>>, String> {
    let columns: Vec<Option<Column>> = names.iter().map(|name| Column::named(name.trim())).collect();
    let unknown: Vec<&str> = names
        .iter()
        .zip(&columns)
        .filter(|(_, column)| column.is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    if !unknown.is_empty() && !ignore_unknown {
        return Err(format!(
            "unknown columns: {}. Known are {}. --ignore-unknown-columns passes over others.",
            unknown.join(", "),
            Column::ALL.map(Column::name).join(", ")
        ));
    }
    for column in Column::ALL {
        if columns.iter().filter(|known| **known == Some(column)).count() > 1 {
            return Err(format!("two columns are called {}", column.name()));
        }
    }
    if !columns.contains(&Some(Column::Email)) {
        return Err("there is no column email".to_owned());
    }
    if defaults.product.is_none() && !columns.contains(&Some(Column::ProductId)) {
        return Err("there is no column productId, and no --product".to_owned());
    }
    Ok(columns)
}

/// The cells of one line. No value of a license can hold the end of a line, so a quoted cell ends on its line, or it is
/// a mistake that would otherwise swallow the lines after it.
fn cells_of(line: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the line is not UTF-8".to_owned())?;
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err("a quotation mark has no partner on this line".to_owned());
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(line.len())
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    reader.read_record(&mut record).map_err(|error| error.to_string())?;
    Ok(record.iter().map(str::to_owned).collect())
}

fn csv_cells(line: &[u8], columns: &[Option<Column>]) -> Result<Cells, String> {
    let cells = cells_of(line)?;
    if cells.len() != columns.len() {
        return Err(format!(
            "the line has {} cells, and the first line names {}",
            cells.len(),
            columns.len()
        ));
    }
    let named = columns
        .iter()
        .zip(cells)
        .filter_map(|(column, cell)| Some(((*column)?, cell)));
    Ok(named.filter(|(_, cell)| !cell.trim().is_empty()).collect())
}

fn json_cells(line: &[u8], ignore_unknown: bool) -> Result<Cells, String> {
    let object: Value = serde_json::from_slice(line).map_err(|error| format!("the line is not JSON: {error}"))?;
    let Value::Object(fields) = object else {
        return Err("the line is not a JSON object".to_owned());
    };
    let mut cells = Cells::new();
    for (name, value) in fields {
        let Some(column) = Column::named(&name) else {
            if ignore_unknown {
                continue;
            }
            return Err(format!(
                "unknown field: {name}. --ignore-unknown-columns passes over it."
            ));
        };
        let Some(text) = cell(&value).ok_or_else(|| format!("{name} must be a text"))? else {
            continue;
        };
        if cells.insert(column, text).is_some() {
            return Err(format!("two fields are called {}", column.name()));
        }
    }
    Ok(cells)
}

/// A value as the text of a cell: `Some(None)` when it is empty, `None` when it can't be in one.
fn cell(value: &Value) -> Option<Option<String>> {
    let text = match value {
        Value::Null => return Some(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => {
            let ids: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            ids?.join(";")
        }
        Value::Bool(_) | Value::Object(_) => return None,
    };
    Some(Some(text).filter(|text| !text.trim().is_empty()))
}

/// Writes licenses, as `/listLicenses` has them, to a file that can be imported again.
pub(crate) enum Writer<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it can't be written to.
    pub(crate) fn new(out: W, format: Format) -> io::Result<Self> {
        match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(Column::ALL.map(Column::name))?;
                Ok(Self::Csv(Box::new(writer)))
            }
            Format::Ndjson => Ok(Self::Ndjson(out)),
        }
    }

    /// Writes one license.
    ///
    /// # Errors
    /// When the file can't be written to.
    pub(crate) fn write(&mut self, license: &Value) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                let cells = Column::ALL.map(|column| cell(&license[column.field()]).flatten().unwrap_or_default());
                Ok(writer.write_record(cells)?)
            }
            Self::Ndjson(out) => {
                serde_json::to_writer(&mut *out, &ExportRow(license))?;
                out.write_all(b"\n")
            }
        }
    }

    /// Writes what has not been written yet.
    ///
    /// # Errors
    /// When the file can't be written to.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Ndjson(out) => out.flush(),
        }
    }
}

/// A license with the columns of an export, in their order.
struct ExportRow<'a>(&'a Value);

impl Serialize for ExportRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = Column::ALL
            .into_iter()
            .map(|column| (column.name(), &self.0[column.field()]));
        serializer.collect_map(fields.filter(|(_, value)| !value.is_null()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::{hash_map, vec},
        option,
        prelude::*,
        sample::select,
    };
    use serde_json::json;

    use super::*;

    type Lines = Vec<(u64, Result<Row, String>)>;

    fn read(text: &str, format: Format) -> Lines {
        read_with(text, format, Defaults::default(), false).expect("columns")
    }

    fn read_with(text: &str, format: Format, defaults: Defaults, ignore_unknown: bool) -> Result<Lines, String> {
        let mut file =
            LicenseFile::open(text.as_bytes(), format, defaults, ignore_unknown).map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        while let Some(line) = file.next().expect("a slice can be read") {
            lines.push((line.number, line.row));
        }
        Ok(lines)
    }

    fn error(text: &str) -> String {
        let lines = read(
            &format!("email,product_id,maxMachines,status,expiresAt\n{text}"),
            Format::Csv,
        );
        lines[0].1.clone().expect_err("an error")
    }

    #[test]
    fn a_column_has_one_name_in_many_spellings() {
        let spellings = [
            "key,EMAIL,product_id",
            "license_key,email,productId",
            "LicenseKey,Email,PRODUCTID",
            "License Key,e-mail,Product-Id",
            "\u{feff}\"licenseKey\",\"email\",\"productId\"",
        ];
        for header in spellings {
            let rows = read(&format!("{header}\r\nK-1,a@example.com,app\r\n"), Format::Csv);
            let row = rows[0].1.as_ref().expect(header);
            assert_eq!(
                row.license_key.as_ref().map(LicenseKey::as_str),
                Some("K-1"),
                "{header}"
            );
            assert_eq!(row.product_id.as_str(), "app");
        }
    }

    #[test]
    fn columns_that_are_unknown_missing_or_double_are_refused_by_name() {
        let refused = |header: &str| read_with(header, Format::Csv, Defaults::default(), false).expect_err(header);
        let unknown = refused("email,productId,colour,size\n");
        assert!(unknown.contains("colour, size"), "{unknown}");
        assert!(refused("productId\n").contains("email"));
        assert!(refused("email\n").contains("productId"));
        assert!(refused("email,productId,key,licenseKey\n").contains("licenseKey"));
        assert!(refused("").contains("empty"));
        let ignored = read_with(
            "email,productId,colour\na@b.c,app,red\n",
            Format::Csv,
            Defaults::default(),
            true,
        );
        assert!(ignored.expect("columns")[0].1.is_ok());
    }

    #[test]
    fn lines_keep_their_numbers_whatever_is_between_them() {
        let text = "email,productId\n\na@b.c,app\n\"broken,app\nb@b.c,app\r\n   \n\nc@b.c,app,more\nd@b.c,app";
        let lines = read(text, Format::Csv);
        let numbers: Vec<u64> = lines.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3, 4, 5, 8, 9]);
        let sound: Vec<bool> = lines.iter().map(|(_, row)| row.is_ok()).collect();
        assert_eq!(sound, [true, false, true, false, true]);
    }

    #[test]
    fn empty_cells_are_absent() {
        let header = Column::ALL.map(Column::name).join(",");
        let rows = read(&format!("{header}\n,a@b.c,app{}\n", ",".repeat(13)), Format::Csv);
        let row = rows[0].1.as_ref().expect("a row");
        assert_eq!(row.license_key, None);
        assert_eq!(row.status, LicenseStatus::Active);
        assert_eq!(row.unlocked_products, []);
    }

    #[test]
    fn a_wrong_value_is_told_by_its_column_and_never_quoted() {
        for (line, column) in [
            ("nobody,app,,,", "email"),
            (",app,,,", "email"),
            ("a@b.c,,,,", "productId"),
            ("a@b.c,app,-2,,", "maxMachines"),
            ("a@b.c,app,two,,", "maxMachines"),
            ("a@b.c,app,,expired,", "status"),
            ("a@b.c,app,,,2024-01-31", "expiresAt"),
        ] {
            let error = error(line);
            assert!(error.starts_with(column), "{line}: {error}");
            assert!(!error.contains("nobody"), "{error}");
        }
        assert!(error("a@b.c,app").contains("2 cells"));
    }

    #[test]
    fn unlimited_is_a_number() {
        let rows = read(
            "email,productId,maxMachines\na@b.c,app,-1\na@b.c,app,unlimited\n",
            Format::Csv,
        );
        for (_, row) in rows {
            assert_eq!(row.expect("a row").max_machines, Some(SeatLimit::Unlimited));
        }
    }

    #[test]
    fn defaults_stand_in_for_empty_cells_only() {
        let defaults = Defaults {
            product: ProductId::parse("app"),
            variant: VariantId::parse("studio"),
        };
        let text = "email,productId,variant\na@b.c,,\na@b.c,other,indie\n";
        let lines = read_with(text, Format::Csv, defaults, false).expect("columns");
        let named: Vec<String> = lines
            .into_iter()
            .map(|(_, row)| {
                let row = row.expect("a row");
                format!("{} {}", row.product_id, row.variant.expect("a variant"))
            })
            .collect();
        assert_eq!(named, ["app studio", "other indie"]);
    }

    #[test]
    fn when_a_license_was_made_elsewhere_is_when_it_was_bought() {
        let rows = read(
            "email,productId,createdAt,purchasedAt\na@b.c,app,2020-01-01T00:00:00Z,\na@b.c,app,2020-01-01T00:00:00Z,2019-01-01T00:00:00Z\n",
            Format::Csv,
        );
        let bought: Vec<Option<Timestamp>> = rows
            .into_iter()
            .map(|(_, row)| row.expect("a row").purchased_at)
            .collect();
        assert_eq!(
            bought,
            [
                Timestamp::parse("2020-01-01T00:00:00Z"),
                Timestamp::parse("2019-01-01T00:00:00Z")
            ]
        );
    }

    #[test]
    fn json_lines_say_the_same() {
        let text = "{\"license_key\":\"K\",\"email\":\"a@b.c\",\"productId\":\"app\",\"maxMachines\":-1,\"expiresAt\":null,\
                    \"unlockedProducts\":[\"x\",\"y\"]}\n\n{\"email\":\"a@b.c\",\"productId\":\"app\",\"colour\":1}\nnonsense\n[]\n\
                    {\"email\":true,\"productId\":\"app\"}\n{\"key\":\"K\",\"licenseKey\":\"L\",\"email\":\"a@b.c\",\"productId\":\"app\"}\n";
        let lines = read(text, Format::Ndjson);
        let row = lines[0].1.as_ref().expect("a row");
        assert_eq!(row.max_machines, Some(SeatLimit::Unlimited));
        assert_eq!(row.unlocked_products.len(), 2);
        let wrong: Vec<(u64, bool)> = lines[1..].iter().map(|(number, row)| (*number, row.is_err())).collect();
        assert_eq!(wrong, [(3, true), (4, true), (5, true), (6, true), (7, true)]);
    }

    #[test]
    fn what_is_written_is_read_unchanged() {
        let license = json!({
            "key": "=1+1,\"quoted\"", "licenseId": "id", "email": "o'hara+x@example.com", "productId": "app",
            "variant": "indie", "licenseType": "floating", "status": "revoked", "maxMachines": -1, "maxConcurrent": 4,
            "createdAt": "2024-01-01T00:00:00.000Z", "purchasedAt": "2023-01-01T00:00:00.000Z", "expiresAt": null,
            "purchaseId": "@SUM(A1)", "unlockedProducts": ["x", "y"], "disputeReason": "refund", "machinesUsed": 3,
        });
        let mut rows = Vec::new();
        for format in [Format::Csv, Format::Ndjson] {
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out, format).expect("a writer");
            writer.write(&license).expect("a line");
            writer.flush().expect("a file");
            drop(writer);
            let text = String::from_utf8(out).expect("UTF-8");
            let lines = read(&text, format);
            assert_eq!(lines.len(), 1, "{text}");
            rows.push(lines[0].1.clone().expect("a row"));
        }
        assert_eq!(rows[0], rows[1]);
        assert_eq!(
            rows[0].license_key.as_ref().map(LicenseKey::as_str),
            license["key"].as_str()
        );
        assert_eq!(rows[0].email.as_str(), license["email"]);
        assert_eq!(rows[0].purchase_id.as_ref().map(Reference::as_str), Some("@SUM(A1)"));
        assert_eq!(rows[0].unlocked_products.len(), 2);
    }

    /// The numbers of the lines that are not blank.
    fn numbered(text: &[u8]) -> impl Iterator<Item = u64> {
        let lines = (1..).zip(text.split(|byte| *byte == b'\n'));
        let lines = lines.map(|(number, line)| match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(line) if number == 1 => (number, line),
            Some(_) | None => (number, line),
        });
        lines.filter_map(|(number, line)| (!line.trim_ascii_end().is_empty()).then_some(number))
    }

    fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        let cell = prop_oneof![
            "[ -~]{0,12}",
            ".{0,6}",
            select(vec![
                "a@b.c",
                "app",
                "-1",
                "unlimited",
                "\"",
                "\"\"",
                "\"x,y\"",
                "2024-01-31T00:00:00Z",
                ""
            ])
            .prop_map(str::to_owned),
        ];
        let line = vec(cell, 0..5).prop_map(|cells| cells.join(",").into_bytes());
        let json = hash_map("email|productId|key|[a-zA-Z]{0,4}", "a@b\\.c|app|.{0,5}", 0..4)
            .prop_map(|fields| json!(fields).to_string().into_bytes());
        let line = prop_oneof![4 => line, 2 => json, 1 => vec(any::<u8>(), 0..20)];
        vec(line, 0..8).prop_map(|lines| lines.join(&b'\n'))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_line_of_any_file_is_told_of_by_its_number(
            bytes in any_bytes(),
            header in select(vec!["", "email,productId\n", "\u{feff}email,productId,key\r\n", "email,productId,maxMachines,x\n"]),
        ) {
            let text = [header.as_bytes(), &bytes].concat();
            for (format, first) in [(Format::Csv, 1), (Format::Ndjson, 0)] {
                let Ok(mut file) = LicenseFile::open(&text[..], format, Defaults::default(), true) else {
                    continue;
                };
                let mut told = Vec::new();
                while let Some(line) = file.next().expect("a slice can be read") {
                    told.push(line.number);
                    if let Err(error) = line.row {
                        prop_assert!(!error.is_empty());
                    }
                }
                prop_assert_eq!(told, numbered(&text).skip(first).collect::<Vec<_>>());
            }
        }

        #[test]
        fn any_license_is_written_and_read_again_as_it_is(
            key in "[!-~ä-ü€😀]([ -~ä-ü€😀]{0,20}[!-~ä-ü€😀])?",
            email in "[!#-'*+\\-./0-9=?A-Z^-~]{1,20}@[a-z.]{1,9}",
            notes in prop::array::uniform3(option::of("[!-~]([ -~ä-ü€😀]{0,40}[!-~])?")),
            license_type in select(LicenseType::ALL),
            status in select(LicenseStatus::ALL),
            seats in option::of(-1..1_000_000_i64),
            millis in option::of(0..4_000_000_000_000_i64),
            products in vec("[!-:<-~]{1,9}", 0..4),
        ) {
            let license = json!({
                "key": key, "email": email, "productId": "app", "licenseType": license_type, "status": status,
                "maxMachines": seats, "expiresAt": millis.map(Timestamp::from_millis), "discountCode": notes[0],
                "purchaseId": notes[1], "disputeReason": notes[2], "unlockedProducts": products,
            });
            for format in [Format::Csv, Format::Ndjson] {
                let mut out = Vec::new();
                let mut writer = Writer::new(&mut out, format).expect("a writer");
                writer.write(&license).and_then(|()| writer.flush()).expect("a line");
                drop(writer);
                let text = String::from_utf8(out).expect("UTF-8");
                let lines = read(&text, format);
                prop_assert_eq!(lines.len(), 1, "{}", text);
                let row = lines[0].1.clone().expect("a row");
                let again = json!({
                    "key": row.license_key, "email": row.email, "productId": row.product_id,
                    "licenseType": row.license_type, "status": row.status, "maxMachines": row.max_machines,
                    "expiresAt": row.expires_at, "discountCode": row.discount_code, "purchaseId": row.purchase_id,
                    "disputeReason": row.dispute_reason, "unlockedProducts": row.unlocked_products,
                });
                prop_assert_eq!(&again, &license, "{}", text);
            }
        }

        #[test]
        fn a_wrong_cell_is_told_by_its_column_and_line_and_never_quoted(
            before in 0..5_usize,
            (column, wrong) in prop_oneof![
                ("email", "[a-z]{5,20}"),
                ("maxMachines", "[a-z]{10,20}|-[2-9][0-9]{5}|[1-9]\\.[0-9]{5}|[2-9][0-9]{7,29}"),
                ("status", "[A-Z]{5,20}"),
                ("licenseType", "[A-Z]{5,20}"),
                ("expiresAt", "[0-9]{4}-[0-9]{2}-[0-9]{2}|[a-z]{5,20}"),
                ("licenseKey", "[a-z]{129,200}"),
            ],
        ) {
            let header = "licenseKey,email,productId,licenseType,status,maxMachines,expiresAt";
            let good = ["", "a@b.c", "app", "site", "active", "3", ""];
            let cells = header.split(',').zip(good).map(|(name, cell)| if name == column { wrong.as_str() } else { cell });
            let good = format!("{}\n", good.join(","));
            let text = format!("{header}\n{}{}\n{good}", good.repeat(before), cells.collect::<Vec<_>>().join(","));
            let lines = read(&text, Format::Csv);
            prop_assert_eq!(lines.len(), before + 2);
            for (number, row) in lines {
                let is_wrong = number == u64::try_from(before).expect("a few") + 2;
                prop_assert_eq!(row.is_err(), is_wrong);
                if let Err(error) = row {
                    prop_assert!(error.starts_with(&column), "{}", error);
                    prop_assert!(!error.contains(&wrong), "{}", error);
                }
            }
        }
    }

    #[test]
    fn the_end_of_a_name_tells_the_format() {
        assert_eq!(Format::of(Path::new("a/licenses.JSONL")), Format::Ndjson);
        assert_eq!(Format::of(Path::new("licenses.ndjson")), Format::Ndjson);
        assert_eq!(Format::of(Path::new("licenses.csv")), Format::Csv);
        assert_eq!(Format::of(Path::new("licenses")), Format::Csv);
    }
}
