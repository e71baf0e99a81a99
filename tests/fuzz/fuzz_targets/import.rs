//! Files of licenses: every row is told of by its line's number, with its license or what is wrong with it, and what was read can
//! be written and read again.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Value, json};

// As the command has them, which shows them to nobody.
#[allow(
    dead_code,
    unreachable_pub,
    unused_qualifications,
    reason = "a target uses a part of what the command has"
)]
#[path = "../../../cli/src/failure.rs"]
mod failure;
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    unused_qualifications,
    reason = "a target uses a part of what the command has"
)]
#[path = "../../../cli/src/license_file/mod.rs"]
mod license_file;

use license_file::{Format, Given, LicenseFile, Mapping, Reading, Row, Writer};

fn read(text: &[u8], format: Format, ignore_unknown: bool) -> Option<Vec<license_file::Line>> {
    let reading = Reading {
        format,
        separator: None,
        mapping: Mapping {
            ignore_unknown,
            ..Mapping::default()
        },
        given: Given::default(),
    };
    let mut file = LicenseFile::open(text, reading).ok()?;
    let mut lines = Vec::new();
    // A quotation mark without a partner ends the file.
    while let Some(line) = file.next().ok()? {
        lines.push(line);
    }
    Some(lines)
}

/// The license that a server would make of a row.
fn license(row: &Row) -> Value {
    json!({
        "key": row.license_key, "email": row.email, "productId": row.product_id, "variant": row.variant,
        "licenseType": row.license_type, "status": row.status, "maxMachines": row.max_machines,
        "maxConcurrent": row.max_concurrent, "purchasedAt": row.purchased_at, "expiresAt": row.expires_at,
        "discountCode": row.discount_code, "purchaseId": row.purchase_id, "bundleId": row.bundle_id,
        "unlockedProducts": row.unlocked_products, "disputeReason": row.dispute_reason,
    })
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((way, text)) = data.split_first() else {
        return Corpus::Reject;
    };
    let format = if way % 2 == 0 { Format::Csv } else { Format::Ndjson };
    let Some(lines) = read(text, format, way & 2 != 0) else {
        return Corpus::Keep;
    };
    let told: Vec<u64> = lines.iter().map(|line| line.number).collect();
    assert!(
        told.is_sorted_by(|one, next| one < next),
        "each row has a line of its own"
    );
    let ends = text.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    assert!(
        told.last().is_none_or(|last| *last <= ends as u64 + 1),
        "and it is one of the file's"
    );
    for row in lines.iter().filter_map(|line| line.row.as_ref().ok()) {
        for format in [Format::Csv, Format::Ndjson] {
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out, format).expect("a writer");
            writer
                .write(&license(row))
                .and_then(|()| writer.flush())
                .expect("a line");
            drop(writer);
            let again = read(&out, format, false).expect("its columns are known");
            let [line] = again.as_slice() else {
                panic!("{} lines: {}", again.len(), String::from_utf8_lossy(&out));
            };
            assert_eq!(line.row.as_ref(), Ok(row), "{}", String::from_utf8_lossy(&out));
        }
    }
    Corpus::Keep
});
