//! Stories of files of licenses.

use keystead_core::{
    Timestamp,
    license::{
        key::LicenseKey,
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    value::reference::Reference,
};
use proptest::{
    collection::{hash_map, vec},
    option,
    prelude::*,
    sample::select,
};
use serde_json::json;

use super::*;

type Lines = Vec<(u64, Result<Row, String>)>;

fn reading(format: Format) -> Reading {
    Reading {
        format,
        separator: None,
        mapping: Mapping::default(),
        given: Given::default(),
    }
}

fn read(text: &str, format: Format) -> Lines {
    read_with(text, reading(format)).expect("a file")
}

fn read_with(text: &str, reading: Reading) -> Result<Lines, String> {
    read_bytes(text.as_bytes(), reading)
}

fn read_bytes(bytes: &[u8], reading: Reading) -> Result<Lines, String> {
    let mut file = LicenseFile::open(bytes, reading).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    while let Some(line) = file.next().map_err(|error| error.to_string())? {
        lines.push((line.number, line.row));
    }
    Ok(lines)
}

/// A CSV file's rows, read with this mapping.
fn mapped(text: &str, mapping: Mapping) -> Result<Lines, String> {
    let csv = reading(Format::Csv);
    read_with(text, Reading { mapping, ..csv })
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
    let refused = |header: &str| read_with(header, reading(Format::Csv)).expect_err(header);
    let unknown = refused("email,productId,colour,size\n");
    assert!(unknown.contains(r#""colour", "size""#), "{unknown}");
    assert!(
        unknown.contains(r#"The file has "email", "productId", "colour", "size""#),
        "{unknown}"
    );
    assert!(refused("productId\n").contains("email"));
    assert!(refused("email\n").contains("productId"));
    assert!(refused("email,productId,key,licenseKey\n").contains("licenseKey"));
    assert!(refused("").contains("empty"));
    let all = Mapping {
        ignore_unknown: true,
        ..Mapping::default()
    };
    let this = Mapping {
        ignore: vec!["Colour".to_owned()],
        ..Mapping::default()
    };
    for ignoring in [all, this] {
        let lines = mapped("email,productId,colour\na@b.c,app,red\n", ignoring);
        assert!(lines.expect("columns")[0].1.is_ok());
    }
}

#[test]
fn lines_keep_their_numbers_whatever_is_between_them() {
    let text = "email,productId\n\na@b.c,app\n\"bro\nken\",app\nb@b.c,app\r\n   \n\nc@b.c,app,more\nd@b.c,app";
    let lines = read(text, Format::Csv);
    let numbers: Vec<u64> = lines.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [3, 4, 6, 9, 10]);
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
fn what_is_given_for_all_rows_counts_whatever_they_say() {
    let given = Given {
        product: ProductId::parse("app"),
        variant: VariantId::parse("studio"),
    };
    let text = "email,productId,variant\na@b.c,,\na@b.c,other,indie\n";
    let csv = reading(Format::Csv);
    let lines = read_with(text, Reading { given, ..csv }).expect("columns");
    let named: Vec<String> = lines
        .into_iter()
        .map(|(_, row)| {
            let row = row.expect("a row");
            format!("{} {}", row.product_id, row.variant.expect("a variant"))
        })
        .collect();
    assert_eq!(named, ["app studio", "app studio"]);
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

/// The numbers of the lines that are not blank, and are not the end of what a quotation mark began.
fn numbered(text: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    let (mut line, mut column, mut is_blank) = (1, 0, true);
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if matches!(byte, b'\r' | b'\n') {
            if byte == b'\r' && bytes.peek() == Some(&b'\n') {
                bytes.next();
            }
            (line, column, is_blank) = (line + 1, 0, true);
            continue;
        }
        let is_mark = line == 1 && column < 3 && text.starts_with(b"\xef\xbb\xbf");
        column += 1;
        if is_blank && !is_mark && !byte.is_ascii_whitespace() {
            numbers.push(line);
            is_blank = false;
        }
    }
    numbers
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
    let end = select(vec![&b"\n"[..], b"\r", b"\r\n"]);
    vec((line, end), 0..8).prop_map(|lines| {
        lines
            .into_iter()
            .flat_map(|(line, end)| [line, end.to_vec()].concat())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_of_any_file_is_told_of_by_its_number(
        bytes in any_bytes(),
        header in select(vec!["", "email,productId\n", "\u{feff}email,productId,key\r\n", "email,productId,maxMachines,x\n"]),
    ) {
        let text = [header.as_bytes(), &bytes].concat();
        // A quotation mark at the beginning of a cell may take the ends of lines in.
        let text: Vec<u8> = text.into_iter().filter(|byte| *byte != b'"').collect();
        for (format, first) in [(Format::Csv, 1), (Format::Ndjson, 0)] {
            let ignoring = Mapping { ignore_unknown: true, ..Mapping::default() };
            let Ok(lines) = read_bytes(&text, Reading { mapping: ignoring, ..reading(format) }) else {
                continue;
            };
            let mut told = Vec::new();
            for (number, row) in lines {
                told.push(number);
                if let Err(error) = row {
                    prop_assert!(!error.is_empty());
                }
            }
            let numbers: Vec<u64> = numbered(&text).into_iter().skip(first).collect();
            prop_assert_eq!(told, numbers);
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

/// What each row's license is for, in the order of the file.
fn emails(lines: &Lines) -> Vec<&str> {
    let rows = lines.iter().map(|(_, row)| row.as_ref().expect("a row"));
    rows.map(|row| row.email.as_str()).collect()
}

#[test]
fn every_kind_of_line_end_ends_a_row() {
    for end in ["\r", "\n", "\r\n"] {
        let text = ["email,productId", "a@b.c,app", "", "c@b.c,app"].join(end);
        for text in [text.clone(), text + end] {
            let lines = read(&text, Format::Csv);
            assert_eq!(emails(&lines), ["a@b.c", "c@b.c"], "{text:?}");
            assert_eq!((lines[0].0, lines[1].0), (2, 4), "{text:?}");
        }
    }
    let mixed = read(
        "email,productId\ra@b.c,app\rb@b.c,app\r\nc@b.c,app\nd@b.c,app\r",
        Format::Csv,
    );
    assert_eq!(emails(&mixed), ["a@b.c", "b@b.c", "c@b.c", "d@b.c"]);
    let json = read(
        "{\"email\":\"a@b.c\",\"productId\":\"app\"}\r{\"email\":\"b@b.c\",\"productId\":\"app\"}",
        Format::Ndjson,
    );
    assert_eq!(emails(&json), ["a@b.c", "b@b.c"]);
}

#[test]
fn a_note_of_two_lines_in_a_column_that_is_ignored_is_passed_over() {
    let notes = Mapping {
        ignore: vec!["Notes".to_owned()],
        ..Mapping::default()
    };
    let text = "email,Notes,productId\na@b.c,\"likes \"\"x\"\",\r\nand y\",app\nb@b.c,5\" screen,app\nc@b.c,ÿ,app\n";
    let bytes: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
        .collect();
    let csv = reading(Format::Csv);
    let lines = read_bytes(&bytes, Reading { mapping: notes, ..csv }).expect("a file");
    assert_eq!(emails(&lines), ["a@b.c", "b@b.c", "c@b.c"]);
    assert_eq!(lines.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 4, 5]);
}

#[test]
fn a_quotation_mark_without_a_partner_is_told_by_its_line() {
    let open = read_with(
        "email,productId\na@b.c,app\n\"b@b.c,app\nc@b.c,app\n",
        reading(Format::Csv),
    );
    assert!(
        open.expect_err("a mark")
            .contains("line 3: a quotation mark has no partner")
    );
    // One that finds a partner in another row is told as a row with too few cells.
    let lines = read("email,productId\n\"a@b.c,app\nb@b.c,\"app\nc@b.c,app\n", Format::Csv);
    assert!(
        lines[0]
            .1
            .as_ref()
            .expect_err("two rows")
            .contains("may lack its partner")
    );
    assert_eq!(lines[1].0, 4);
    let wide = read_with("e\0m\0", reading(Format::Csv)).expect_err("columns");
    assert!(wide.contains("The file has"), "{wide}");
    let utf16 = read_bytes(b"\xff\xfee\0m\0", reading(Format::Csv)).expect_err("UTF-16");
    assert!(utf16.contains("UTF-16"), "{utf16}");
}

#[test]
fn the_separator_is_found_or_named() {
    for (text, named) in [
        ("email;productId;variant\na@b.c;app;pro, large\n", None),
        ("email\tproductId\tvariant\na@b.c\tapp\tpro, large\n", None),
        ("\"e;mail\",email,productId,variant\n;,a@b.c,app,\"pro, large\"\n", None),
        ("email|productId|variant\na@b.c|app|pro, large\n", Some(b'|')),
        ("sep=;\nemail;productId;variant\na@b.c;app;pro, large\n", None),
    ] {
        let reading = Reading {
            separator: named,
            mapping: Mapping {
                ignore_unknown: true,
                ..Mapping::default()
            },
            ..reading(Format::Csv)
        };
        let lines = read_with(text, reading).expect(text);
        let row = lines[0].1.as_ref().expect(text);
        assert_eq!(
            row.variant.as_ref().map(VariantId::as_str),
            Some("pro, large"),
            "{text}"
        );
    }
}

#[test]
fn columns_are_mapped_by_name_and_one_that_is_not_there_is_told() {
    let buyer = Mapping {
        map: vec![
            (Column::Email, "Buyer Email".to_owned()),
            (Column::MaxMachines, "Seats".to_owned()),
        ],
        ..Mapping::default()
    };
    let text = "Email,buyer_email,Product ID,SEATS\nshop@b.c,a@b.c,app,3\n";
    let lines = mapped(text, buyer.clone()).expect("columns");
    assert_eq!(emails(&lines), ["a@b.c"]);
    assert_eq!(lines[0].1.as_ref().expect("a row").max_machines, SeatLimit::parse(3));
    let error = mapped("Email,Product ID\n", buyer).expect_err("no such column");
    assert!(
        error.contains(r#"there is no column "Buyer Email". The file has "Email", "Product ID""#),
        "{error}"
    );
    let none = mapped("Buyer Email,Product\n", Mapping::default()).expect_err("unknown columns");
    assert!(none.contains(r#"The file has "Buyer Email", "Product""#), "{none}");
}

fn preset(preset: Preset, text: &str) -> Lines {
    let of_store = Mapping {
        preset: Some(preset),
        ..Mapping::default()
    };
    mapped(text, of_store).expect("an export")
}

#[test]
fn gumroads_sales_are_licenses_and_their_sum_is_none() {
    let text = "Purchase ID,Item Name,Buyer Name,Purchase Email,Buyer Email,Purchase Time (UTC timezone),Fully Refunded?,\
                Disputed?,Dispute Won?,Access Revoked?,Discount Code,Product ID,Giftee Email,License Key,Review,Email\n\
                P-1,App,Ann,a@b.c,,2024-01-31 12:00:00 UTC,0,0,0,0,'=SAVE,app,,AAAA1111-BBBB2222,\"good\nvery\",no\n\
                P-2,App,Bea,b@b.c,,2024-02-01 12:00:00 UTC,1,0,0,0,,app,,AAAA1111-CCCC3333,,\n\
                P-3,App,Cy,c@b.c,,2024-02-02 12:00:00 UTC,0,1,0,0,,app,d@b.c,AAAA1111-DDDD4444,,\n\
                P-4,App,Eve,e@b.c,,2024-02-03 12:00:00 UTC,0,1,1,0,,app,,AAAA1111-EEEE5555,,\n\
                Totals,,,,,,,,,,,,,,,\n";
    let lines = preset(Preset::Gumroad, text);
    assert_eq!(emails(&lines), ["a@b.c", "b@b.c", "d@b.c", "e@b.c"]);
    let rows: Vec<&Row> = lines.iter().map(|(_, row)| row.as_ref().expect("a row")).collect();
    assert_eq!(rows[0].purchased_at, Timestamp::parse("2024-01-31T12:00:00Z"));
    assert_eq!(rows[0].discount_code, Reference::parse("=SAVE"));
    assert_eq!(rows[0].license_key, LicenseKey::parse("AAAA1111-BBBB2222"));
    let standing: Vec<_> = rows
        .iter()
        .map(|row| (row.status, row.dispute_reason.as_ref().map(Reference::as_str)))
        .collect();
    let revoked = LicenseStatus::Revoked;
    assert_eq!(
        standing,
        [
            (LicenseStatus::Active, None),
            (revoked, Some("refund")),
            (revoked, Some("chargeback")),
            (LicenseStatus::Active, None)
        ]
    );
}

#[test]
fn lemon_squeezys_keys_and_paddles_transactions_are_licenses() {
    let text = "id,key,user_email,product_id,activation_limit,status,disabled,expires_at,created_at,order_id\n\
                1,80e15db5-c796-436b-850c-8f9c98a48abe,a@b.c,app,5,active,false,,2024-01-31T12:00:00.000000Z,7\n\
                2,90e15db5-c796-436b-850c-8f9c98a48abe,b@b.c,app,,disabled,true,2025-01-31T12:00:00.000000Z,2024-01-31T12:00:00.000000Z,8\n";
    let lines = preset(Preset::LemonSqueezy, text);
    let rows: Vec<&Row> = lines.iter().map(|(_, row)| row.as_ref().expect("a row")).collect();
    assert_eq!(
        (rows[0].max_machines, rows[0].status),
        (SeatLimit::parse(5), LicenseStatus::Active)
    );
    assert_eq!(
        (rows[1].max_machines, rows[1].status),
        (Some(SeatLimit::Unlimited), LicenseStatus::Revoked)
    );
    assert_eq!(rows[1].expires_at, Timestamp::parse("2025-01-31T12:00:00Z"));
    let text = "id,status,customer_id,customer_email,product_id,billed_at,created_at\n\
                txn_1,completed,ctm_1,a@b.c,app,2024-01-31T12:00:00.5Z,2024-01-30T12:00:00Z\n\
                txn_2,draft,ctm_2,b@b.c,app,,2024-01-30T12:00:00Z\n";
    let lines = preset(Preset::Paddle, text);
    let row = lines[0].1.as_ref().expect("a row");
    assert_eq!(row.purchase_id, Reference::parse("txn_1"));
    assert_eq!(row.purchased_at, Timestamp::parse("2024-01-31T12:00:00.500Z"));
    assert_eq!(lines[1].1.as_ref().expect_err("a draft"), "the transaction is not paid");
}

#[test]
fn what_an_export_holds_is_no_formula() {
    let license = json!({
        "key": "-ABC", "email": "+x@example.com", "productId": "app", "discountCode": "=HYPERLINK(\"http://x\")",
        "purchaseId": "'@SUM(A1)", "maxMachines": -1,
    });
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Format::Csv).expect("a writer");
    writer.write(&license).and_then(|()| writer.flush()).expect("a line");
    drop(writer);
    let text = String::from_utf8(out).expect("UTF-8");
    let line = text.lines().nth(1).expect("a license");
    for cell in ["'-ABC,", "'+x@example.com,", "\"'=HYPERLINK(", "''@SUM(A1)", ",-1,"] {
        assert!(line.contains(cell), "{line}");
    }
    let lines = read(&text, Format::Csv);
    let row = lines[0].1.as_ref().expect("a row");
    assert_eq!(row.license_key, LicenseKey::parse("-ABC"));
    assert_eq!(row.email.as_str(), "+x@example.com");
    assert_eq!(row.purchase_id, Reference::parse("'@SUM(A1)"));
}
