//! `keystead serve` as its users have it: the real binary, a real socket, files that stay.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
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
            let given = curl
                .split_once("-d '")
                .map(|(_, body)| body.split_once("'\n").expect("the body's end"));
            // A credential is on the standard input.
            let here = || {
                let (_, body) = curl.split_once("-d @- <<END\n").expect("a body");
                body.split_once("\nEND\n").expect("the body's end")
            };
            let (body, _) = given.unwrap_or_else(here);
            (format!("/{path}"), serde_json::from_str(body).expect("JSON"))
        })
        .collect()
}

/// The admin secret that is kept in a folder.
fn kept_secret(folder: &Path) -> String {
    let kept = fs::read_to_string(folder.join("credentials.json")).expect("the credentials");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    kept["adminSecret"].as_str().expect("a secret").to_owned()
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

    let server = Server::start(&folder, &[]);
    let mut shown = demo.clone();
    shown["token"] = token;
    assert_eq!(server.expect(200, "/validate", &shown)["machinesUsed"], 1);
    assert_eq!(server.send("GET", "/getSigningKey", ""), certificate);
    let secret = kept_secret(&folder);
    let license = json!({ "adminSecret": secret, "licenseKey": demo["licenseKey"] });
    assert_eq!(server.expect(200, "/getLicense", &license)["machinesUsed"], 1);
    let second = server.stop();
    // Neither goes to a terminal: what they print, a log keeps.
    for told in [first, second] {
        assert!(!told.contains(&secret), "{told}");
        assert!(told.contains("keystead secrets show --data-dir"), "{told}");
    }

    // Another algorithm is a new key; the tokens of the old one stay good.
    let server = Server::start(&folder, &["--signing-algorithm", "EdDSA"]);
    server.expect(200, "/validate", &shown);
    assert_ne!(server.send("GET", "/getSigningKey", ""), certificate);
    for file in ["root.json", "signing.json", "credentials.json", "accounts.json"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    server.stop();
}

/// The names of files in a folder, and what others may do with them and with it.
fn open_to_others(folder: &Path) -> Vec<(String, u32)> {
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o077;
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    [folder.to_owned()]
        .into_iter()
        .chain(entries)
        .map(|path| (path.display().to_string(), mode(&path)))
        .collect()
}

#[test]
fn no_file_of_the_data_folder_is_open_to_others() {
    let folder = folder("modes");
    // As a package or a volume makes it, with what an older server left.
    fs::create_dir_all(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("permissions");
    fs::write(folder.join("left.txt"), "").expect("a file");
    fs::set_permissions(folder.join("left.txt"), fs::Permissions::from_mode(0o644)).expect("permissions");
    let server = Server::start(&folder, &[]);
    let demo = activation("de300000-0000-4000-8000-000000000001", "machine", "demo-app");
    server.expect(200, "/activate", &demo);
    let files = open_to_others(&folder);
    assert!(
        files.iter().any(|(name, _)| name.ends_with("keystead.db-wal")),
        "{files:?}"
    );
    assert_eq!(
        files.iter().filter(|(_, open)| *open != 0).collect::<Vec<_>>(),
        Vec::<&(String, u32)>::new()
    );
    assert_eq!(fs::read_to_string(folder.join(".gitignore")).expect("a file"), "*\n");
    server.stop();
}

#[test]
fn a_link_in_the_data_folder_is_not_followed() {
    for name in [
        ".gitignore",
        "root.json",
        "signing.json",
        "credentials.json",
        "accounts.json",
        "lock",
        "keystead.db",
        "keystead.db-wal",
        "keystead.db-shm",
    ] {
        let folder = folder(&format!("link-{name}"));
        fs::create_dir_all(&folder).expect("a folder");
        let elsewhere = folder.join("elsewhere");
        symlink(&elsewhere, folder.join(name)).expect("a link");
        let Err((status, _)) = Server::try_spawn(keystead(&folder, &[])) else {
            panic!("{name}: what the link leads to was taken");
        };
        assert!(!status.success());
        assert!(!elsewhere.exists(), "{name}: the link was followed");
    }
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    let short = "a".repeat(31);
    for (name, weak, wanted) in [
        ("KEYSTEAD_ADMIN_SECRET", short.as_str(), "32 characters"),
        ("KEYSTEAD_WEBHOOK_SECRET", &short, "32 characters"),
        ("KEYSTEAD_EDGE_SECRET", &short, "32 characters"),
        ("KEYSTEAD_STRIPE_WEBHOOK_SECRET", "whsec_short", "whsec_"),
    ] {
        let mut command = keystead(&folder("weak"), &[]);
        command.env(name, weak);
        let Err((status, told)) = Server::try_spawn(command) else {
            panic!("{name} was taken");
        };
        assert!(!status.success());
        assert!(told.contains(name) && told.contains(wanted), "{told}");
    }
}

#[test]
fn a_request_whose_body_breaks_off_is_not_carried_out() {
    let server = Server::start_bare(&folder("broken-off"), &[]);
    let license = make_license(&server, &[]);
    let revoke = json!({ "adminSecret": SECRET, "licenseKey": license }).to_string();
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    stream
        .write_all(head("POST", "/revokeLicense", revoke.len() + 1, "").as_bytes())
        .expect("a head");
    stream.write_all(revoke.as_bytes()).expect("a part of the body");
    stream.shutdown(Shutdown::Write).expect("an end");
    let mut answer = String::new();
    // hyper may close the connection without an answer.
    let _: std::io::Result<usize> = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    server.expect(200, "/verify", &json!({ "licenseKey": license, "productId": "app" }));
}

#[test]
fn slow_bodies_hold_no_connection_for_long_and_one_address_takes_its_own_places_only() {
    let flags = ["--max-connections-per-address", "20"];
    let server = Server::start_bare(&folder("slow"), &flags);
    let begun = Instant::now();
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.address).expect("a connection");
        stream
            .write_all(head("POST", "/activate", 100, "").as_bytes())
            .expect("a head");
        stream.write_all(b"{").expect("a byte");
        slow.push(stream);
    }
    // The next from this address is closed at once.
    let mut next = TcpStream::connect(server.address).expect("a connection");
    let _: std::io::Result<()> = next.write_all(head("GET", "/health", 0, "").as_bytes());
    let mut answer = String::new();
    let _: std::io::Result<usize> = next.read_to_string(&mut answer);
    assert_eq!(answer, "");
    for stream in &mut slow {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
    assert!(begun.elapsed() >= Duration::from_secs(9), "a body has ten seconds");
    assert_eq!(server.send("GET", "/health", "").0, 200);
}

#[test]
fn a_connection_is_kept_open_between_requests_as_long_as_is_said() {
    let server = Server::start_bare(&folder("keep-alive"), &["--keep-alive", "1"]);
    let ask = |stream: &mut TcpStream| {
        stream
            .write_all(head("GET", "/health", 0, "").as_bytes())
            .expect("a request");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
    };
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    ask(&mut stream);
    // What is left of that answer, and then the end.
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the end");
    assert!(rest.contains("status"), "{rest}");
}

/// `ListTables` of the embedded DynamoDB, signed with this access key id.
fn list_tables(address: SocketAddr, head: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let asked = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Length: 2\r\n\
         Connection: close\r\n{head}\r\n{{}}"
    );
    stream.write_all(asked.as_bytes()).expect("a request");
    answer(&mut stream).expect("an answer")
}

#[test]
fn the_embedded_database_answers_those_who_have_its_key_only() {
    let folder = folder("lent");
    let server = Server::start_bare(&folder, &["--dynamodb-listen", "127.0.0.1:0"]);
    let written = server.written_until(", with any secret access key.");
    let (_, rest) = written.split_once("DynamoDB is at http://").expect("an address");
    let (address, rest) = rest.split_once(".\n").expect("its end");
    let (_, rest) = rest.split_once("access key id is ").expect("a key");
    let (key, _) = rest.split_once(',').expect("its end");
    let address = address.parse().expect("an address");
    let signed = |id: &str| {
        format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={id}/20260101/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=00\r\n"
        )
    };
    let (status, tables) = list_tables(address, &signed(key));
    assert_eq!(status, 200, "{tables}");
    assert!(
        tables["TableNames"].as_array().is_some_and(|tables| tables.len() > 5),
        "{tables}"
    );
    for stranger in [
        "",
        &signed("local"),
        &signed(""),
        &signed(&key[1..]),
        "Authorization: Bearer x\r\n",
    ] {
        let (status, refusal) = list_tables(address, stranger);
        assert_eq!(status, 403, "{stranger}: {refusal}");
        assert!(
            refusal["__type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("UnrecognizedClientException"))
        );
    }
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
    let door = server.door("/_clock");
    let now = server.expect(200, &door, &json!({ "advanceSeconds": 0 }))["now"].clone();
    let year: u32 = now.as_str().expect("a time")[..4].parse().expect("a year");
    let expiry = json!(format!("{}-01-01T00:00:00Z", year + 1));
    let license = make_license(&server, &[("expiresAt", expiry)]);
    let wanted = json!({ "licenseKey": license, "productId": "app" });
    server.expect(200, "/verify", &wanted);
    server.expect(200, &door, &json!({ "advanceSeconds": 366 * 24 * 60 * 60 }));
    assert_eq!(server.expect(403, "/verify", &wanted)["error"], "License has expired");
    for wrong in [
        json!({}),
        json!({ "advanceSeconds": -1 }),
        json!({ "advanceSeconds": "1" }),
        json!({ "advanceSeconds": u64::MAX }),
    ] {
        server.expect(400, &door, &wrong);
    }
    assert_eq!(server.send("GET", &door, "").0, 405);
    for stranger in [
        "/_clock",
        "/_clock?key=",
        "/_clock?key=0123456789abcdef0123456789abcdef",
    ] {
        server.expect(404, stranger, &json!({ "advanceSeconds": 1 }));
    }
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
    assert!(welcome.contains("keystead secrets show --data-dir"), "{welcome}");
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
        let kept = fs::read_to_string(folder.join("credentials.json")).expect("the secrets");
        assert!(!kept.contains(SECRET), "it stays where its owner keeps it");
        let made: Value = serde_json::from_str(&kept).expect("JSON");
        let made = made[format!("{generated}Secret")].as_str().map(str::len);
        assert_eq!(made, Some(64), "{generated}");
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
        ("KEYSTEAD_NAMES", "mine"),
        ("KEYSTEAD_MAILS_A_DAY", "0"),
        ("KEYSTEAD_TRUSTED_PROXIES", "10.0.0.0/40"),
        // Without a proxy that could prove that it sent the header.
        ("KEYSTEAD_ADDRESS_HEADER", "x-forwarded-for"),
        ("KEYSTEAD_COUNTRY_HEADER", "cloudfront-viewer-country"),
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
