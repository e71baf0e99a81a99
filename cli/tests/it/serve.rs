//! `keystead serve` as its users have it: the real binary, a real socket, files that stay.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use crate::server::{LOOK, SECRET, Server, answer, folder, head, keystead};

/// The requests in a welcome: each one's path and body.
fn printed_requests(welcome: &str) -> Vec<(String, Value)> {
    let requests = welcome.split("curl ").skip(1);
    requests
        .map(|curl| {
            let (_, address) = curl.split_once("http://").expect("an address");
            let url = address.split(' ').next().expect("an address");
            let (_, path) = url.split_once('/').expect("a path");
            let (_, body) = curl.split_once("-d '").expect("a body");
            let (body, _) = body.split_once("'\n").expect("the body's end");
            (format!("/{path}"), serde_json::from_str(body).expect("JSON"))
        })
        .collect()
}

/// The secret that a welcome prints under this name.
fn printed_secret<'a>(welcome: &'a str, name: &str) -> Option<&'a str> {
    let line = welcome.lines().find(|line| line.trim_start().starts_with(name))?;
    line.split_whitespace().last()
}

fn activation(license: &str, machine: &str, product: &str) -> Value {
    json!({ "licenseKey": license, "machineFingerprint": machine, "hostname": "host", "productId": product })
}

/// A product and a license of it; answers the license's key.
fn make_license(server: &Server, fields: &[(&str, Value)]) -> String {
    let product = json!({ "adminSecret": SECRET, "name": "App", "slug": "app", "creatorId": "alice" });
    let (status, _) = server.post("/createProduct", &product);
    assert!(matches!(status, 200 | 409));
    let mut license = json!({ "adminSecret": SECRET, "email": "customer@example.com", "productId": "app" });
    for (name, value) in fields {
        license[*name] = value.clone();
    }
    let made = server.expect(200, "/createLicense", &license);
    made["licenseKey"].as_str().expect("a key").to_owned()
}

#[test]
fn the_three_requests_that_it_prints_work() {
    let folder = folder("printed");
    let server = Server::start(&folder, &[]);
    let address = server.address;
    assert!(address.ip().is_loopback());
    let (status, health) = server.send("GET", "/health", "");
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    let welcome = server.stop();

    // The same are printed again at the next start, where they are tried.
    let server = Server::start(&folder, &[]);
    let requests = printed_requests(&welcome);
    let paths: Vec<&str> = requests.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/activate", "/verify", "/getLicense"]);
    assert!(welcome.contains(&format!("http://{address}/activate ")), "{welcome}");
    let answers: Vec<Value> = requests
        .iter()
        .map(|(path, body)| server.expect(200, path, body))
        .collect();
    assert_eq!(answers[0]["machinesUsed"], 1);
    assert_eq!(answers[1]["valid"], true);
    assert_eq!(answers[2]["activations"][0]["hostname"], "my-laptop");

    // And so does the API key.
    let (_, key) = welcome.split_once("shown this once:\n").expect("an API key");
    let key = key.lines().next().expect("a line").trim();
    let products = server.expect(200, "/listProducts", &json!({ "apiKey": key }));
    assert_eq!(products["products"][0]["productId"], "demo-app");
    assert!(!server.stop().contains("API key"), "it is shown once only");
}

#[test]
fn a_restart_keeps_data_and_secrets() {
    let folder = folder("restart");
    let server = Server::start(&folder, &[]);
    let demo = activation("de300000-0000-4000-8000-000000000001", "machine", "demo-app");
    let token = server.expect(200, "/activate", &demo)["token"].clone();
    let certificate = server.send("GET", "/getSigningKey", "");
    let first = server.stop();

    let mode = |file: &str| fs::metadata(folder.join(file)).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode("secrets.json"), 0o600, "only its user may read the secrets");
    assert_eq!(mode("."), 0o700);

    let server = Server::start(&folder, &[]);
    let mut shown = demo.clone();
    shown["token"] = token;
    assert_eq!(server.expect(200, "/validate", &shown)["machinesUsed"], 1);
    assert_eq!(server.send("GET", "/getSigningKey", ""), certificate);
    let secret = printed_secret(&first, "admin secret").expect("a secret");
    let license = json!({ "adminSecret": secret, "licenseKey": demo["licenseKey"] });
    assert_eq!(server.expect(200, "/getLicense", &license)["machinesUsed"], 1);
    let second = server.stop();
    for name in ["admin secret", "webhook secret"] {
        assert_eq!(printed_secret(&second, name), printed_secret(&first, name));
    }

    // Another algorithm is a new key; the tokens of the old one stay good.
    let server = Server::start(&folder, &["--signing-algorithm", "EdDSA"]);
    server.expect(200, "/validate", &shown);
    assert_ne!(server.send("GET", "/getSigningKey", ""), certificate);
    assert_eq!(mode("secrets.json"), 0o600);
    server.stop();
}

#[test]
fn a_second_server_on_the_same_folder_refuses() {
    let folder = folder("twice");
    let first = Server::start_bare(&folder, &[]);
    let Err((status, told)) = Server::try_spawn(keystead(&folder, &[])) else {
        panic!("two servers serve from one folder");
    };
    assert!(!status.success());
    assert!(told.contains("in use by another keystead"), "{told}");
    assert!(told.contains("--data-dir"), "{told}");
    assert_eq!(first.send("GET", "/health", "").0, 200);
    first.stop();
    // The lock goes with the process.
    Server::start_bare(&folder, &[]).stop();
}

#[test]
fn a_request_that_is_under_way_is_answered_after_sigterm() {
    let folder = folder("sigterm");
    let mut server = Server::start_bare(&folder, &[]);
    let license = make_license(&server, &[]);
    let idle = TcpStream::connect(server.address).expect("a connection");

    let body = activation(&license, "machine", "app").to_string();
    let mut under_way = TcpStream::connect(server.address).expect("a connection");
    under_way
        .write_all(head("POST", "/activate", body.len(), "Expect: 100-continue\r\n").as_bytes())
        .expect("a head");
    // The server asks for the body: so it has the request.
    let mut asked = [0; 25];
    under_way.read_exact(&mut asked).expect("an interim answer");
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

    server.signal("-TERM");
    while TcpStream::connect(server.address).is_ok() {
        thread::sleep(LOOK);
    }
    under_way.write_all(body.as_bytes()).expect("a body");
    let (status, answer) = answer(&mut under_way).expect("an answer");
    assert_eq!((status, &answer["machinesUsed"]), (200, &json!(1)));
    let (status, written) = server.end();
    assert!(status.success(), "{status}: {written}");
    drop(idle);

    let server = Server::start_bare(&folder, &[]);
    let license = json!({ "adminSecret": SECRET, "licenseKey": license });
    assert_eq!(server.expect(200, "/getLicense", &license)["machinesUsed"], 1);
}

#[test]
fn the_test_clock_brings_an_expiry_about() {
    let server = Server::start_bare(&folder("clock"), &["--test-clock"]);
    let now = server.expect(200, "/_clock", &json!({ "advanceSeconds": 0 }))["now"].clone();
    let year: u32 = now.as_str().expect("a time")[..4].parse().expect("a year");
    let expiry = json!(format!("{}-01-01T00:00:00Z", year + 1));
    let license = make_license(&server, &[("expiresAt", expiry)]);
    let wanted = json!({ "licenseKey": license, "productId": "app" });
    server.expect(200, "/verify", &wanted);
    server.expect(200, "/_clock", &json!({ "advanceSeconds": 366 * 24 * 60 * 60 }));
    assert_eq!(server.expect(403, "/verify", &wanted)["error"], "License has expired");
    for wrong in [
        json!({}),
        json!({ "advanceSeconds": -1 }),
        json!({ "advanceSeconds": "1" }),
        json!({ "advanceSeconds": u64::MAX }),
    ] {
        server.expect(400, "/_clock", &wrong);
    }
    assert_eq!(server.send("GET", "/_clock", "").0, 405);
}

#[test]
fn there_is_no_clock_to_move_unless_asked_for() {
    let server = Server::start_bare(&folder("no-clock"), &[]);
    server.expect(404, "/_clock", &json!({ "advanceSeconds": 1 }));
}

#[test]
fn without_a_demo_nothing_is_made_and_no_request_is_printed() {
    let server = Server::start(&folder("no-demo"), &["--no-demo"]);
    let demo = activation("de300000-0000-4000-8000-000000000001", "machine", "demo-app");
    server.expect(404, "/activate", &demo);
    let welcome = server.stop();
    assert!(!welcome.contains("curl") && !welcome.contains("API key"), "{welcome}");
    assert!(printed_secret(&welcome, "admin secret").is_some(), "{welcome}");
}

#[test]
fn a_secret_from_the_environment_is_used_and_not_printed() {
    for (given, generated) in [("ADMIN", "webhook"), ("WEBHOOK", "admin")] {
        let folder = folder(&format!("environment-{given}"));
        let mut command = keystead(&folder, &[]);
        command.env(format!("KEYSTEAD_{given}_SECRET"), SECRET);
        let server = Server::spawn(command);
        let license = json!({ "adminSecret": SECRET, "licenseKey": "de300000-0000-4000-8000-000000000001" });
        server.expect(if given == "ADMIN" { 200 } else { 401 }, "/getLicense", &license);
        let welcome = server.stop();
        assert!(!welcome.contains(SECRET), "{welcome}");
        let line = format!("{generated} secret");
        assert_eq!(printed_secret(&welcome, &line).map(str::len), Some(64), "{welcome}");
        let kept = fs::read_to_string(folder.join("secrets.json")).expect("the secrets");
        assert!(!kept.contains(SECRET), "it stays where its owner keeps it");
    }
}

#[test]
fn memory_leaves_nothing_behind() {
    let folder = folder("memory");
    fs::create_dir_all(&folder).expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
    command
        .args(["serve", "--port", "0", "--in-memory", "--quiet"])
        .env_remove("KEYSTEAD_ADMIN_SECRET")
        .env_remove("KEYSTEAD_WEBHOOK_SECRET")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let server = Server::spawn(command);
    let demo = activation("de300000-0000-4000-8000-000000000001", "machine", "demo-app");
    server.expect(200, "/activate", &demo);
    server.stop();
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
}

#[test]
fn a_key_on_another_machine_is_answered_with_the_status_that_is_set() {
    for (set, status) in [(None, 200), (Some("200"), 200), (Some("403"), 403)] {
        let mut command = keystead(&folder("mismatch"), &["--no-demo"]);
        command.env("KEYSTEAD_ADMIN_SECRET", SECRET);
        if let Some(set) = set {
            command.env("KEYSTEAD_HWID_MISMATCH_STATUS", set);
        }
        let server = Server::spawn(command);
        let key = make_license(&server, &[]);
        let ask = |hwid: &str, status| {
            let asked = json!({ "key": key, "hwid": hwid });
            server.expect(status, "/api/license-keys/validate", &asked)
        };
        assert_eq!(ask("hw-1", 200)["valid"], true);
        let mismatch = ask("hw-2", status);
        assert_eq!(
            (&mismatch["valid"], &mismatch["reason"]),
            (&json!(false), &json!("Hardware ID mismatch"))
        );
    }
}

#[test]
fn a_setting_that_can_not_be_used_stops_the_start_and_is_named() {
    for (name, value) in [
        ("KEYSTEAD_EVENT_RETENTION_DAYS", "many"),
        ("KEYSTEAD_GRACE_DAYS", "-1"),
        ("KEYSTEAD_MOVES", "101"),
        ("KEYSTEAD_SUSPENSION_GRACE_HOURS", "0"),
        // Below what is of medium severity.
        ("KEYSTEAD_GEO_HIGH", "2"),
        ("KEYSTEAD_HWID_MISMATCH_STATUS", "404"),
    ] {
        let folder = folder("settings");
        let mut command = keystead(&folder, &[]);
        command.env(name, value);
        let Err((status, told)) = Server::try_spawn(command) else {
            panic!("{name}={value} was taken");
        };
        assert!(!status.success());
        assert!(told.contains(name), "{name}: {told}");
    }
}
