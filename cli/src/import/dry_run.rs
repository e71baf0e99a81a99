//! `--dry-run`: what an import would do, and how its file is understood.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
};

use keystead_core::product::ProductId;
use serde_json::{Value, json};

use super::{
    ImportArgs, next, open,
    report::{rejected, report, tell_weak, tell_wrong, write_refused},
    survey::Survey,
};
use crate::{
    client::Client,
    failure::Failure,
    journal::Entry,
    license_file::Row,
    output::{self, Style},
};

/// How many rows are shown as they were understood.
const SHOWN: usize = 5;

/// Says what an import would do.
pub(super) fn try_out(client: &Client, args: &ImportArgs, survey: &Survey) -> Result<(), Failure> {
    let catalog = Catalog::of(client)?;
    let mut rejections: Vec<Entry> = Vec::new();
    let mut missing: BTreeMap<String, u64> = BTreeMap::new();
    let file = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
    let mut input = open(args, file)?;
    let read_as = input.told();
    let mut shown = Vec::new();
    while let Some(line) = next(args, &mut input)? {
        let number = line.number;
        let row = match survey.judge(args, line)? {
            Ok(row) => row,
            Err(entry) => {
                rejections.push(entry);
                continue;
            }
        };
        if shown.len() < SHOWN {
            shown.push(understood(number, &row));
        }
        let lacks = catalog.lacks(&row);
        if !lacks.is_empty() {
            let key = row.license_key.map(|key| key.to_string());
            rejections.push(rejected(number, key, None, &lacks.join("; ")));
        }
        for lack in lacks {
            *missing.entry(lack).or_default() += 1;
        }
    }
    tell_weak(survey);
    tell_wrong(&rejections);
    for (lack, lines) in &missing {
        output::note(format!(
            "{}: {}",
            output::printable(lack),
            output::count(*lines, "line")
        ));
    }
    let wrong = rejections.len() as u64;
    write_refused(args, rejections.iter())?;
    if let Some(path) = &args.report {
        report(path, rejections.into_iter())?;
    }
    if client.style == Style::Json {
        output::print(json!({
            "rows": survey.rows,
            "lines": survey.rows,
            "rejected": wrong,
            "missingProducts": missing.len(),
            "first": shown,
        }))?;
    } else {
        for (column, field) in read_as.iter().filter(|(column, field)| column != field) {
            output::print(format!("{field} is read from {}", output::printable(column)))?;
        }
        if !shown.is_empty() {
            output::print(output::table(&json!(shown), &COLUMNS))?;
        }
        output::print(format!(
            "{} of {} rows could be imported; nothing was changed",
            survey.rows - wrong,
            survey.rows
        ))?;
    }
    if wrong > 0 {
        return Err(Failure::LinesRejected(format!(
            "{} would be rejected",
            output::count(wrong, "line")
        )));
    }
    Ok(())
}

/// The columns in which rows are shown.
const COLUMNS: [(&str, &str); 10] = [
    ("LINE", "line"),
    ("EMAIL", "email"),
    ("PRODUCT", "productId"),
    ("VARIANT", "variant"),
    ("TYPE", "licenseType"),
    ("STATUS", "status"),
    ("MACHINES", "maxMachines"),
    ("PURCHASED", "purchasedAt"),
    ("EXPIRES", "expiresAt"),
    ("KEY", "key"),
];

/// A row as it was understood. Of its key no more than that it has one: a terminal is read by others.
fn understood(line: u64, row: &Row) -> Value {
    json!({
        "line": line,
        "email": row.email,
        "productId": row.product_id,
        "variant": row.variant,
        "licenseType": row.license_type,
        "status": row.status,
        "maxMachines": row.max_machines,
        "purchasedAt": row.purchased_at,
        "expiresAt": row.expires_at,
        "key": if row.license_key.is_some() { "its own" } else { "a new one" },
    })
}

/// The products that there are for this credential, and whether they are archived.
struct Catalog(HashMap<ProductId, bool>);

impl Catalog {
    fn of(client: &Client) -> Result<Self, Failure> {
        let found = client.read("listProducts", json!({ "includeAll": true }))?;
        let products = found.body["products"].as_array().into_iter().flatten();
        let known = products.filter_map(|product| {
            let id = ProductId::parse(product["productId"].as_str()?)?;
            Some((id, product["status"] == "archived"))
        });
        Ok(Self(known.collect()))
    }

    /// Why the server would not make this license, as far as products go: one sentence for each that it lacks.
    fn lacks(&self, row: &Row) -> Vec<String> {
        let named: BTreeSet<&ProductId> = row.unlocked_products.iter().chain([&row.product_id]).collect();
        let lack = |product: &ProductId| match self.0.get(product) {
            None => Some(format!("the product {product} is not there")),
            // A license can go on to open an archived product, but not be one of it.
            Some(true) if *product == row.product_id => {
                Some(format!("the product {product} is archived, and takes no new licenses"))
            }
            Some(_) => None,
        };
        named.into_iter().filter_map(lack).collect()
    }
}
