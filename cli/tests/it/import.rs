//! `keystead license import`: every line once, whatever happens in between.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::{
    command::{Ran, answer, bare, operator, ran, request, run, text},
    server::{LOOK, SECRET, Server, folder},
};

/// A server with the products `app` and `extra`.
fn server() -> Server {
    let server = Server::start_in_memory();
    for product in ["app", "extra"] {
        run(
            &server,
            &["product", "create", product, "--name", product, "--creator", "alice"],
        )
        .expect(0);
    }
    server
}

/// A file of this test's own.
fn input(test: &str, content: &str) -> PathBuf {
    let home = folder(&format!("import-{test}"));
    fs::create_dir_all(&home).expect("a folder");
    let file = home.join("licenses.csv");
    fs::write(&file, content).expect("a file");
    file
}

fn import(server: &Server, file: &Path, flags: &[&str]) -> Ran {
    run(server, &[&["license", "import", text(file)], flags].concat())
}

/// All licenses, as the server has them.
fn licenses(server: &Server) -> Vec<Value> {
    let lines = run(server, &["license", "export", "--format", "ndjson"]).printed();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn license(server: &Server, key: &str) -> Value {
    run(server, &["license", "get", key, "--json"]).json()["license"].take()
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", text(file)))
}

fn report(file: &Path) -> String {
    fs::read_to_string(beside(file, ".import-report.csv")).expect("a report")
}

/// A file of this many licenses; every third line has no key of its own.
fn many(lines: usize) -> String {
    let mut content = "licenseKey,email,productId,status\n".to_owned();
    for line in 0..lines {
        let key = if line % 3 == 0 {
            String::new()
        } else {
            format!("OWN-{line}")
        };
        let status = if line % 10 == 1 { "suspended" } else { "" };
        content += &format!("{key},c{line}@example.com,app,{status}\n");
    }
    content
}

#[test]
fn licenses_keep_what_they_had_elsewhere() {
    let server = server();
    let file = input(
        "kept",
        "KEY,Email,product_id,variant,license_type,max_machines,max_concurrent,purchased_at,expires_at,status,\
         discount_code,purchase_id,bundle_id,unlocked_products,dispute_reason\n\
         OLD-1,a@example.com,app,studio,floating,-1,5,2020-02-02T00:00:00Z,2099-01-01T00:00:00Z,revoked,D,P-1,B,\
         extra,refund\n\
         ,\"b@example.com\",app,,,,,,,,,,,,\n\
         OLD-3,c@example.com,app,,,,,,,suspended,,,,,\n\
         OLD-4,d@example.com,app,,,,,,,degraded,,,,,\n",
    );
    let told = import(&server, &file, &[]).printed();
    assert!(
        told.starts_with("imported 4 licenses (0 present already, 0 rejected) in "),
        "{told}"
    );
    let old = license(&server, "OLD-1");
    for (field, value) in [
        ("email", json!("a@example.com")),
        ("variant", json!("studio")),
        ("licenseType", json!("floating")),
        ("maxMachines", json!(-1)),
        ("maxConcurrent", json!(5)),
        ("purchasedAt", json!("2020-02-02T00:00:00.000Z")),
        ("expiresAt", json!("2099-01-01T00:00:00.000Z")),
        ("status", json!("revoked")),
        ("discountCode", json!("D")),
        ("purchaseId", json!("P-1")),
        ("bundleId", json!("B")),
        ("unlockedProducts", json!(["extra"])),
        ("disputeReason", json!("refund")),
    ] {
        assert_eq!(old[field], value, "{field}");
    }
    assert_eq!(license(&server, "OLD-3")["status"], "suspended");
    assert_eq!(license(&server, "OLD-4")["status"], "degraded");
    // Nowhere else could the new key be found.
    let report = report(&file);
    let line = report
        .lines()
        .find(|line| line.starts_with("3,"))
        .expect("the new license");
    let key = line.split(',').nth(1).expect("a key");
    assert_eq!(license(&server, key)["email"], "b@example.com");
    assert_eq!(key.len(), 36, "a UUID, as the server's own are");
    for private in [".import-report.csv", ".import-journal"] {
        let mode = fs::metadata(beside(&file, private))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{private} holds license keys");
    }
    // The end is remembered.
    let again = import(&server, &file, &[]).printed();
    assert!(again.contains("is finished: 4 licenses"), "{again}");
    assert_eq!(licenses(&server).len(), 4);
}

#[test]
fn rejected_lines_are_told_by_number_and_the_others_are_imported() {
    let server = server();
    let file = input(
        "rejected",
        "licenseKey,email,productId,maxMachines\n\
         K-2,a@example.com,app,1\n\
         K-3,nobody,app,1\n\
         K-4,a@example.com,none,1\n\
         K-2,a@example.com,app,1\n\
         \n\
         K-7,a@example.com,app,many\n\
         TAKEN,other@example.com,app,1\n\
         K-9,a@example.com,app,1\n",
    );
    let taken = [
        "license",
        "create",
        "--email",
        "x@example.com",
        "--product",
        "app",
        "--license-key",
        "TAKEN",
    ];
    run(&server, &taken).expect(0);
    let told = import(&server, &file, &[]).expect(4);
    assert!(
        told.out
            .starts_with("imported 2 licenses (0 present already, 5 rejected) in "),
        "{}",
        told.out
    );
    assert!(
        told.err.contains("line 3: email must be an email address"),
        "{}",
        told.err
    );
    assert!(
        told.err.contains("line 4: Product not found (HTTP 404)"),
        "{}",
        told.err
    );
    assert!(
        told.err.contains("line 5: line 2 has the same license key"),
        "{}",
        told.err
    );
    assert!(
        told.err
            .contains("line 8: A license with this key already exists, and differs in email"),
        "{}",
        told.err
    );
    assert!(!told.err.contains("TAKEN") && !told.err.contains("K-"), "{}", told.err);
    let report = report(&file);
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "line,licenseKey,outcome,httpStatus,error");
    assert_eq!(lines[1], "2,K-2,created,,");
    assert_eq!(lines[3], "4,K-4,rejected,404,Product not found");
    assert!(lines[6].starts_with("8,TAKEN,rejected,409,"), "{report}");
    assert_eq!(lines.len(), 8);
    assert_eq!(licenses(&server).len(), 3);

    // What kept a line out may be mended on the server; it is then tried again, and only it.
    run(
        &server,
        &["product", "create", "none", "--name", "None", "--creator", "alice"],
    )
    .expect(0);
    let told = import(&server, &file, &["--json"]).expect(4);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(
        (&told["created"], &told["rejected"], &told["doneBefore"]),
        (&json!(3), &json!(4), &json!(2))
    );
    assert_eq!(license(&server, "K-4")["productId"], "none");
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = server();
    let file = input(
        "dry",
        "licenseKey,email,productId\nK-2,a@example.com,app\nK-3,b@example.com,none\nK-4,b,app\n",
    );
    let told = import(&server, &file, &["--dry-run"]).expect(4);
    assert!(
        told.err.contains("line 3: the product none is not there"),
        "{}",
        told.err
    );
    assert!(told.err.contains("line 4: email must be"), "{}", told.err);
    assert!(told.out.contains("nothing was changed"), "{}", told.out);
    assert_eq!(licenses(&server).len(), 0);
    assert_eq!(
        fs::read_dir(file.parent().expect("a folder"))
            .expect("a folder")
            .count(),
        1
    );

    let good = input("dry-good", "email\na@example.com\n");
    import(&server, &good, &["--dry-run", "--product", "app"]).expect(0);
    let mut wrong = operator(
        &server,
        &["license", "import", text(&good), "--product", "app", "--dry-run"],
    );
    ran(wrong.env("KEYSTEAD_ADMIN_SECRET", "wrong")).expect(1);
    assert_eq!(licenses(&server).len(), 0);
}

#[test]
fn a_dry_run_rejects_the_lines_that_an_import_would_reject_for_their_products() {
    let server = server();
    let old = ["product", "create", "old", "--name", "Old", "--creator", "alice"];
    run(&server, &old).expect(0);
    run(&server, &["product", "update", "old", "--status", "archived"]).expect(0);
    let file = input(
        "dry-products",
        "licenseKey,email,productId,unlockedProducts\n\
         K-2,a@example.com,app,extra\n\
         K-3,b@example.com,none,\n\
         K-4,c@example.com,old,\n\
         K-5,d@example.com,app,extra none\n\
         K-6,e@example.com,app,old\n\
         K-7,f@example.com,none,gone\n",
    );
    let at = file.with_file_name("dry.csv");
    let dry = import(&server, &file, &["--dry-run", "--json", "--report", text(&at)]).expect(4);
    let counted: Value = serde_json::from_str(&dry.out).expect("JSON");
    for (count, number) in [("rows", 6), ("rejected", 4), ("missingProducts", 3)] {
        assert_eq!(counted[count], number, "{}", dry.err);
    }
    assert!(dry.err.contains("line 4: the product old is archived"), "{}", dry.err);
    assert!(
        dry.err.contains("\nthe product none is not there: 3 lines\n"),
        "{}",
        dry.err
    );
    let report_of_it = fs::read_to_string(&at).expect("a report");
    assert!(
        report_of_it.contains("\n5,K-5,rejected,,the product none is not there\n"),
        "{report_of_it}"
    );
    let told = import(&server, &file, &["--dry-run"]).expect(4);
    assert!(
        told.out
            .ends_with("\n2 of 6 rows could be imported; nothing was changed\n"),
        "{}",
        told.out
    );
    assert_eq!(licenses(&server).len(), 0);

    import(&server, &file, &[]).expect(4);
    let rejected = |report: &str| -> Vec<String> {
        let lines = report.lines().filter(|line| line.contains(",rejected,"));
        lines
            .map(|line| line.split(',').next().expect("a number").to_owned())
            .collect()
    };
    assert_eq!(rejected(&report_of_it), ["3", "4", "5", "7"]);
    assert_eq!(rejected(&report(&file)), rejected(&report_of_it));
}

#[test]
fn a_license_that_is_there_keeps_its_status_whatever_the_file_says() {
    let server = server();
    for key in ["ACTIVE", "SUSPENDED", "FRAUD", "REFUND", "SAME"] {
        let made = ["license", "create", "--email", "a@example.com", "--product", "app"];
        run(&server, &[&made[..], &["--license-key", key]].concat()).expect(0);
    }
    run(&server, &["license", "update", "SUSPENDED", "--status", "suspended"]).expect(0);
    for key in ["FRAUD", "REFUND"] {
        run(&server, &["license", "revoke", key, "--reason", "fraud"]).expect(0);
    }
    run(&server, &["license", "update", "SAME", "--status", "degraded"]).expect(0);
    let before = licenses(&server);
    let file = input(
        "keeps-status",
        "licenseKey,email,productId,status,disputeReason\n\
         ACTIVE,a@example.com,app,suspended,\n\
         SUSPENDED,a@example.com,app,,\n\
         FRAUD,a@example.com,app,revoked,fraud\n\
         REFUND,a@example.com,app,revoked,refund\n\
         SAME,a@example.com,app,degraded,refund\n",
    );
    for flags in [&[][..], &["--restart"]] {
        let told = import(&server, &file, flags).expect(4);
        assert!(
            told.out
                .starts_with("imported 0 licenses (2 present already, 3 rejected)"),
            "{}",
            told.out
        );
        for (line, field) in [(2, "status"), (3, "status"), (5, "disputeReason")] {
            let error =
                format!("line {line}: A license with this key already exists, and differs in {field} (HTTP 409)\n");
            assert!(told.err.contains(&error), "{}", told.err);
        }
        assert_eq!(licenses(&server), before, "nothing was changed");
    }
}

#[test]
fn a_license_is_made_in_its_status_by_one_request() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let url = pretending(move |path, body| {
        seen.lock().expect("a list").push((path.to_owned(), body.clone()));
        done(body)
    });
    let file = input(
        "one-request",
        "licenseKey,email,productId,status,disputeReason\n\
         K-2,a@example.com,app,,\n\
         K-3,a@example.com,app,degraded,\n\
         K-4,a@example.com,app,suspended,late\n\
         K-5,a@example.com,app,revoked,\n\
         K-6,a@example.com,app,revoked,her cat\n",
    );
    import_to(&url, &file).expect(0);
    let mut asked = asked.lock().expect("a list").clone();
    asked.retain(|(path, _)| path != "/listproducts");
    asked.sort_by_key(|(_, body)| body["licenseKey"].as_str().map(str::to_owned));
    let asked: Vec<(&str, &Value, &Value)> = asked
        .iter()
        .map(|(path, body)| (path.as_str(), &body["status"], &body["disputeReason"]))
        .collect();
    let none = Value::Null;
    assert_eq!(
        asked,
        [
            ("/createlicense", &none, &none),
            ("/createlicense", &json!("degraded"), &none),
            ("/createlicense", &json!("suspended"), &none),
            ("/createlicense", &json!("revoked"), &none),
            ("/createlicense", &json!("revoked"), &json!("her cat")),
        ]
    );
}

#[test]
fn a_file_with_columns_of_something_else_is_refused_whole() {
    let server = server();
    let file = input("columns", "email,productId,colour\na@example.com,app,red\n");
    let refused = import(&server, &file, &[]).expect(1);
    assert!(refused.err.contains(r#"not a license's: "colour""#), "{}", refused.err);
    assert!(
        refused.err.contains(r#"The file has "email", "productId", "colour""#),
        "{}",
        refused.err
    );
    assert_eq!(licenses(&server).len(), 0);
    import(&server, &file, &["--ignore-unknown-columns"]).expect(0);
    assert_eq!(licenses(&server).len(), 1);
}

#[test]
fn a_file_from_a_spreadsheet_on_any_system_is_read_to_its_last_row() {
    let server = server();
    for (at, end) in ["\r", "\n", "\r\n"].into_iter().enumerate() {
        let rows = [
            "email;productId".to_owned(),
            format!("a{at}@x.com;app"),
            format!("b{at}@x.com;app"),
            String::new(),
        ];
        let file = input(&format!("ends-{at}"), &rows.join(end));
        let told = import(&server, &file, &[]).printed();
        assert!(told.starts_with("imported 2 licenses "), "{told}");
        assert!(
            told.contains("\n2 rows: 2 imported, 0 present already, 0 rejected\n"),
            "{told}"
        );
        assert_eq!(licenses(&server).len(), 2 * (at + 1));
    }
}

#[test]
fn every_row_is_accounted_for() {
    let server = server();
    let file = input(
        "accounted",
        "licenseKey,email,productId\nK-2,a@example.com,app\nK-3,b@example.com,app\nK-4,nobody,app\n",
    );
    let present = ["license", "create", "--email", "b@example.com", "--product", "app"];
    run(&server, &[&present[..], &["--license-key", "K-3"]].concat()).expect(0);
    let told = import(&server, &file, &[]).expect(4);
    assert!(
        told.out
            .contains("\n3 rows: 1 imported, 1 present already, 1 rejected\n"),
        "{}",
        told.out
    );
    let told = import(&server, &file, &["--json"]).expect(4);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    let number = |field: &str| told[field].as_u64().expect("a number");
    assert_eq!(
        number("rows"),
        number("created") + number("present") + number("rejected") + number("left")
    );
    let open = input("open", "email,productId\na@example.com,app\n\"b@example.com,app\n");
    let told = import(&server, &open, &[]).expect(1);
    assert!(
        told.err.contains("line 3: a quotation mark has no partner"),
        "{}",
        told.err
    );
    assert_eq!(licenses(&server).len(), 2);
}

#[test]
fn a_store_s_export_is_imported_as_it_is() {
    let server = server();
    let export = "Order,Buyer Email,Product ID,Key,Note\n\
                  1,a@example.com,theirs,AAAA1111-BBBB2222-CCCC3333-DDDD4444,\"two\nlines\"\n\
                  2,b@example.com,theirs,AAAA1111-BBBB2222-CCCC3333-DDDD5555,\n";
    let file = input("store", export);
    let refused = import(&server, &file, &[]).expect(1);
    assert!(refused.err.contains(r#""Buyer Email""#), "{}", refused.err);
    let mapped = [
        "--map",
        "email=Buyer Email",
        "--map",
        "purchaseId=Order",
        "--ignore",
        "Note",
        "--product",
        "app",
    ];
    let dry = import(&server, &file, &[&mapped[..], &["--dry-run"]].concat()).printed();
    assert!(dry.contains("email is read from Buyer Email"), "{dry}");
    let row = dry.lines().find(|line| line.contains("b@example.com")).expect("a row");
    assert!(
        row.contains("app") && row.contains("its own") && !row.contains("AAAA1111"),
        "{dry}"
    );
    import(&server, &file, &mapped).expect(0);
    let made = license(&server, "AAAA1111-BBBB2222-CCCC3333-DDDD4444");
    assert_eq!((&made["productId"], &made["purchaseId"]), (&json!("app"), &json!("1")));
    // With other columns it is another import.
    let other = import(
        &server,
        &file,
        &[&mapped[..6], &["--ignore", "Order", "--product", "app"]].concat(),
    )
    .expect(1);
    assert!(
        other.err.contains("another --preset, --map or --ignore"),
        "{}",
        other.err
    );

    let sales = input(
        "gumroad",
        "Purchase ID,Item Name,Purchase Email,Purchase Time (UTC timezone),Fully Refunded?,Product ID,License Key\n\
         P-1,App,c@example.com,2024-01-31 12:00:00 UTC,0,theirs,1111AAAA-2222BBBB-3333CCCC-4444DDDD\n\
         P-2,App,d@example.com,2024-01-31 12:00:00 UTC,1,theirs,1111AAAA-2222BBBB-3333CCCC-4444EEEE\n\
         Totals,,,,,,\n",
    );
    let told = import(&server, &sales, &["--preset", "gumroad", "--product", "app"]).printed();
    assert!(told.contains("\n2 rows: 2 imported"), "{told}");
    let refunded = license(&server, "1111AAAA-2222BBBB-3333CCCC-4444EEEE");
    assert_eq!(
        (&refunded["status"], &refunded["disputeReason"]),
        (&json!("revoked"), &json!("refund"))
    );
}

#[test]
fn refused_rows_are_written_mended_and_given_again() {
    let server = server();
    let file = input(
        "refused",
        "Mail;productId;Note;licenseKey\na@example.com;app;\"x\ny\";K-2\nnobody;app;'=1;K-3\nb@example.com;none;;K-4\n",
    );
    let options = ["--map", "email=Mail", "--ignore", "Note"];
    let refused = file.with_file_name("refused.csv");
    let told = import(&server, &file, &[&options[..], &["--refused", text(&refused)]].concat()).expect(4);
    assert!(told.out.contains("refused.csv"), "{}", told.out);
    let written = fs::read_to_string(&refused).expect("a file");
    assert_eq!(
        written,
        "refusedBecause;Mail;productId;Note;licenseKey\n\
         email must be an email address;nobody;app;'=1;K-3\n\
         Product not found;b@example.com;none;;K-4\n"
    );
    let mode = fs::metadata(&refused).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mended = written
        .replace(";nobody;", ";c@example.com;")
        .replace(";none;", ";extra;");
    fs::write(&refused, mended).expect("a file");
    let again = file.with_file_name("again.csv");
    let told = import(
        &server,
        &refused,
        &[&options[..], &["--refused", text(&again)]].concat(),
    )
    .printed();
    assert!(told.contains("\n2 rows: 2 imported"), "{told}");
    assert_eq!(licenses(&server).len(), 3);
    let same = import(&server, &refused, &["--refused", text(&refused)]).expect(2);
    assert!(same.err.contains("would replace"), "{}", same.err);
}

#[test]
fn keys_that_can_be_guessed_are_warned_of() {
    let server = server();
    let file = input(
        "weak",
        "licenseKey,email,productId\n80e15db5-c796-436b-850c-8f9c98a48abe,a@example.com,app\nK-3,b@example.com,app\n",
    );
    for flags in [&["--dry-run"][..], &[]] {
        let told = import(&server, &file, flags).expect(0);
        assert!(
            told.err.contains("warning: 1 license key can be guessed"),
            "{}",
            told.err
        );
        assert!(told.err.contains("Line 3") && !told.err.contains("K-3"), "{}", told.err);
    }
}

#[test]
fn a_refused_credential_or_an_absent_server_leaves_no_traces() {
    let server = server();
    let file = input("traces", "email,productId\na@example.com,app\n");
    let mut wrong = operator(&server, &["license", "import", text(&file)]);
    ran(wrong.env("KEYSTEAD_ADMIN_SECRET", "wrong")).expect(1);
    let mut absent = bare(&["license", "import", text(&file), "--server", "http://127.0.0.1:1"]);
    ran(absent.env("KEYSTEAD_ADMIN_SECRET", SECRET)).expect(3);
    assert_eq!(
        fs::read_dir(file.parent().expect("a folder"))
            .expect("a folder")
            .count(),
        1
    );
}

#[test]
fn a_changed_file_does_not_go_on_where_another_stopped() {
    let server = server();
    let file = input(
        "changed",
        "licenseKey,email,productId\nK-2,a@example.com,app\nK-3,b@example.com,none\n",
    );
    import(&server, &file, &[]).expect(4);
    fs::write(
        &file,
        "licenseKey,email,productId\nK-2,a@example.com,app\nK-3,b@example.com,app\n",
    )
    .expect("a file");
    let refused = import(&server, &file, &[]).expect(1);
    assert!(
        refused.err.contains("has changed") && refused.err.contains("--restart"),
        "{}",
        refused.err
    );
    let told = import(&server, &file, &["--restart"]).printed();
    assert!(
        told.starts_with("imported 1 licenses (1 present already, 0 rejected)"),
        "{told}"
    );
    assert_eq!(licenses(&server).len(), 2);
}

#[test]
fn a_creator_imports_with_an_api_key_and_sees_nothing_of_others() {
    let server = server();
    run(
        &server,
        &["product", "create", "bobs", "--name", "Bob's", "--creator", "bob"],
    )
    .expect(0);
    let foreign = [
        "license",
        "create",
        "--email",
        "a@example.com",
        "--product",
        "app",
        "--license-key",
        "FOREIGN",
    ];
    run(&server, &foreign).expect(0);
    let key = run(&server, &["api-key", "create", "--creator", "bob", "--name", "Bob"]).printed();
    let file = input(
        "creator",
        "licenseKey,email,productId\nFOREIGN,a@example.com,bobs\nMINE,a@example.com,bobs\nOTHER,a@example.com,app\n",
    );
    let mut command = bare(&["license", "import", text(&file), "--server", &server.url()]);
    let told = ran(command.env("KEYSTEAD_API_KEY", key.trim())).expect(4);
    assert!(
        told.out
            .starts_with("imported 1 licenses (0 present already, 2 rejected)"),
        "{}",
        told.out
    );
    assert!(report(&file).contains("2,FOREIGN,rejected,409,A license with this key already exists\n"));
    assert_eq!(license(&server, "FOREIGN")["productId"], "app");
}

fn start(server: &Server, file: &Path, concurrency: &str) -> Child {
    let args = ["license", "import", text(file), "--concurrency", concurrency];
    operator(server, &args).spawn().expect("a process")
}

/// How many lines the journal has.
fn journal_lines(file: &Path) -> usize {
    let journal = fs::read(beside(file, ".import-journal")).unwrap_or_default();
    journal.iter().filter(|byte| **byte == b'\n').count()
}

/// Waits until the journal has `lines` lines, or the import has ended.
fn wait_for(file: &Path, lines: usize, process: &mut Child) {
    while journal_lines(file) < lines && process.try_wait().expect("a process").is_none() {
        thread::sleep(LOOK);
    }
}

#[track_caller]
fn assert_all_are_there_once(server: &Server, lines: usize) {
    let found = licenses(server);
    let emails: BTreeSet<&str> = found.iter().filter_map(|license| license["email"].as_str()).collect();
    assert_eq!((found.len(), emails.len()), (lines, lines), "each line has one license");
    let suspended = found.iter().filter(|license| license["status"] == "suspended").count();
    assert_eq!(suspended, lines / 10, "each license has its status");
}

#[test]
fn after_kill_9_the_same_command_goes_on_and_every_license_is_there_once() {
    const LINES: usize = 1000;

    let server = server();
    let file = input("killed", &many(LINES));
    let mut interrupted = 0;
    for lines in [2, 100, 300, 500, 700] {
        let mut process = start(&server, &file, "8");
        wait_for(&file, lines, &mut process);
        interrupted += usize::from(process.try_wait().expect("a process").is_none());
        process.kill().expect("SIGKILL");
        process.wait().expect("an exit status");
    }
    assert!(
        interrupted >= 3,
        "the import ends before it is killed: give it more lines"
    );
    let told = import(&server, &file, &[]).expect(0);
    assert!(told.err.contains("going on after"), "{}", told.err);
    assert!(told.out.contains("lines were done before"), "{}", told.out);
    assert_all_are_there_once(&server, LINES);
}

#[test]
fn lines_that_were_sent_and_not_written_down_are_not_made_twice() {
    const LINES: usize = 40;

    let server = server();
    let file = input("unwritten", &many(LINES));
    import(&server, &file, &[]).expect(0);
    // As if the process had ended before it wrote any of them down.
    let journal = beside(&file, ".import-journal");
    let written = fs::read_to_string(&journal).expect("a journal");
    let header = written.lines().next().expect("a line");
    fs::write(&journal, format!("{header}\n{{\"line\":2,\"outco")).expect("a journal");
    let told = import(&server, &file, &["--json"]).json();
    assert_eq!(told["finished"], true);
    assert_eq!(
        told["created"]
            .as_u64()
            .zip(told["present"].as_u64())
            .map(|(c, p)| c + p),
        Some(LINES as u64)
    );
    assert_all_are_there_once(&server, LINES);
}

#[test]
fn a_signal_ends_an_import_between_two_lines() {
    const LINES: usize = 1000;

    let server = server();
    let file = input("signal", &many(LINES));
    for signal in ["-TERM", "-INT"] {
        let before = journal_lines(&file);
        let mut process = start(&server, &file, "4");
        wait_for(&file, before + 50, &mut process);
        let sent = Command::new("kill").args([signal, &process.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        let told = Ran::from(process.wait_with_output().expect("an exit status")).expect(130);
        assert!(told.err.contains("The same command goes on"), "{}", told.err);
        assert!(told.out.starts_with("imported "), "{}", told.out);
    }
    import(&server, &file, &[]).expect(0);
    assert_all_are_there_once(&server, LINES);
}

#[test]
fn a_server_that_goes_away_ends_an_import_that_goes_on_when_it_is_back() {
    const LINES: usize = 400;

    let home = folder("import-outage");
    let mut server = Server::start_bare(&home, &["--durability", "crash", "--quiet"]);
    run(
        &server,
        &["product", "create", "app", "--name", "App", "--creator", "alice"],
    )
    .expect(0);
    let file = input("outage-file", &many(LINES));
    let mut process = start(&server, &file, "8");
    wait_for(&file, 60, &mut process);
    let port = server.address.port().to_string();
    server.process.kill().expect("SIGKILL");
    server.end();
    let told = Ran::from(process.wait_with_output().expect("an exit status")).expect(3);
    assert!(
        told.err.contains("can't be reached") && told.err.contains("goes on"),
        "{}",
        told.err
    );

    // At the same address: another one would be another import.
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
    command.args(["serve", "--no-demo", "--quiet", "--port", &port]);
    command.args(["--data-dir", text(&home)]);
    command
        .env("KEYSTEAD_ADMIN_SECRET", SECRET)
        .env_remove("KEYSTEAD_WEBHOOK_SECRET");
    let server = Server::spawn_quietly(command);
    import(&server, &file, &[]).expect(0);
    assert_all_are_there_once(&server, LINES);
}

/// A server that gives these answers, by the path and the body that it is asked with. Answers its address.
fn pretending(answer: impl Fn(&str, &Value) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = Arc::new(answer);
    // It ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut stream = stream.expect("a connection");
                let (head, body) = request(&mut stream);
                let path = head.split(' ').nth(1).expect("a path");
                let asked = serde_json::from_str(&body).expect("JSON");
                stream
                    .write_all(answer(path, &asked).as_bytes())
                    .expect("an answer goes out");
            });
        }
    });
    url
}

/// The answer of a server that does as it is asked.
fn done(asked: &Value) -> String {
    let made = json!({ "success": true, "licenseKey": asked["licenseKey"] });
    answer("200 OK", &made.to_string())
}

/// A server that fails at what holds one of these emails, and makes a license of everything else. Answers its address,
/// and how often it has failed.
fn failing(email: &'static str) -> (String, Arc<AtomicUsize>) {
    let failed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&failed);
    let url = pretending(move |_, asked| {
        if asked["email"].as_str().is_some_and(|asked| asked.ends_with(email)) {
            counter.fetch_add(1, Ordering::SeqCst);
            answer(
                "500 Internal Server Error",
                r#"{"success":false,"error":"Internal error"}"#,
            )
        } else {
            done(asked)
        }
    });
    (url, failed)
}

fn import_to(url: &str, file: &Path) -> Ran {
    let mut command = bare(&["license", "import", text(file), "--server", url]);
    ran(command.env("KEYSTEAD_ADMIN_SECRET", SECRET))
}

#[test]
fn one_line_that_the_server_fails_at_does_not_hold_the_others_up() {
    let (url, failed) = failing("c5@example.com");
    let file = input("one-fails", &many(40));
    let told = import_to(&url, &file).expect(1);
    assert!(
        told.out
            .starts_with("imported 39 licenses (0 present already, 0 rejected)"),
        "{}",
        told.out
    );
    assert!(told.err.contains("line 7: Internal error (HTTP 500)"), "{}", told.err);
    assert!(told.err.contains("tries them again"), "{}", told.err);
    assert_eq!(failed.load(Ordering::SeqCst), 3, "it was tried three times");
}

#[test]
fn a_server_that_fails_at_every_line_is_left_alone_soon() {
    let (url, failed) = failing("@example.com");
    let file = input("all-fail", &many(400));
    let told = import_to(&url, &file).expect(1);
    assert!(told.err.contains("goes on where this one ended"), "{}", told.err);
    assert!(
        failed.load(Ordering::SeqCst) <= 3 * 3 * 16,
        "most lines were never sent"
    );
}

#[test]
fn a_server_that_ignores_the_keys_of_its_licenses_is_not_imported_to() {
    let url = pretending(|_, _| answer("200 OK", r#"{"success":true,"licenseKey":"another"}"#));
    let file = input("ignores", "licenseKey,email,productId\nK-2,a@example.com,app\n");
    let told = import_to(&url, &file).expect(1);
    assert!(told.err.contains("too old"), "{}", told.err);
}

#[test]
fn an_export_is_imported_elsewhere_as_it_is() {
    let first = server();
    let file = input(
        "round-trip",
        "licenseKey,email,productId,variant,licenseType,maxMachines,maxConcurrent,purchasedAt,expiresAt,status,\
         purchaseId,unlockedProducts,disputeReason\n\
         \"=1+1,\"\"x\"\"\",a@example.com,app,studio,floating,-1,5,2020-02-02T00:00:00Z,2099-01-01T00:00:00Z,revoked,\
         @SUM,extra app,fraud\n\
         K-3,o'hara+x@example.com,app,,site,,,,,suspended,,,\n\
         ,b@example.com,extra,,,7,,,,,,,\n",
    );
    import(&first, &file, &[]).expect(0);
    for format in ["csv", "ndjson"] {
        let second = server();
        let exported = file.with_file_name(format!("exported.{format}"));
        run(&first, &["license", "export", "--output", text(&exported)]).expect(0);
        import(&second, &exported, &[]).expect(0);
        let sorted = |server: &Server| {
            let mut found = licenses(server);
            for license in &mut found {
                // It says when the server has made it.
                license["createdAt"].take();
            }
            found.sort_by_key(|license| license["licenseKey"].as_str().map(str::to_owned));
            found
        };
        assert_eq!(sorted(&first), sorted(&second), "{format}");
        // And once more, into the same: nothing changes.
        let told = import(&second, &exported, &["--restart"]).printed();
        assert!(
            told.starts_with("imported 0 licenses (3 present already, 0 rejected)"),
            "{told}"
        );
    }
}
