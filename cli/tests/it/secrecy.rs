//! What a server leaves behind: nothing by which somebody could be let in.

use std::{fs, io::Write as _, net::TcpStream, path::Path, process::Stdio};

use serde_json::{Value, json};

use crate::server::{SECRET, Server, answer, folder, head, keystead};

/// Sends a request with further headers, and answers the body of a good answer.
fn ask(server: &Server, path: &str, headers: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    let more = format!("Connection: close\r\n{headers}");
    let request = head("POST", path, body.len(), &more) + &body;
    stream.write_all(request.as_bytes()).expect("a request");
    let (status, reply) = answer(&mut stream).expect("an answer");
    assert_eq!(status, 200, "{path} {body}\n -> {reply}");
    reply
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Uses every kind of credential that there is, and answers them: each with what it is called.
fn use_them_all(server: &Server, webhook_secret: &str) -> Vec<(&'static str, String)> {
    const PASSWORD: &str = "correct-horse-battery-staple";

    let named = "Idempotency-Key: a-name\r\n";
    let product = json!({ "adminSecret": SECRET, "name": "App", "slug": "app", "creatorId": "alice" });
    ask(server, "/createProduct", "", &product);
    let key = json!({ "adminSecret": SECRET, "creatorId": "alice", "name": "script" });
    // Named, so that its answer is kept to be given again.
    let made = ask(server, "/createApiKey", named, &key);
    assert_eq!(made, ask(server, "/createApiKey", named, &key), "it was kept");
    let api_key = text(&made["apiKey"]);
    let in_header = format!("X-API-Key: {api_key}\r\n");
    let license = json!({ "email": "customer@example.com", "productId": "app", "licenseType": "floating" });
    let license = text(&ask(server, "/createLicense", &in_header, &license)["licenseKey"]);
    ask(
        server,
        &format!("/listLicenses?apiKey={api_key}"),
        "",
        &json!({ "productId": "app" }),
    );
    let machine = json!({
        "licenseKey": license, "machineFingerprint": "machine", "hostname": "host", "productId": "app", "nonce": "n0nce-of-16-bytes",
    });
    let token = text(&ask(server, "/activate", "", &machine)["token"]);
    let mut shown = machine.clone();
    shown["token"] = json!(token);
    ask(server, "/validate", "", &shown);
    ask(server, "/heartbeat", "", &shown);
    let purchase = json!({
        "type": "purchase.completed", "email": "buyer@example.com", "productId": "app", "purchaseId": "p-1",
        "webhookSecret": webhook_secret,
    });
    ask(server, "/cgloungeWebhook", "", &purchase);
    let account = json!({ "email": "customer@example.com", "password": PASSWORD });
    ask(server, "/api/auth/register", "", &account);
    // Wrong ones, and right ones where they do not belong.
    for (path, body) in [
        (
            format!("/getLicense?adminSecret={SECRET}&x={PASSWORD}"),
            json!({ "licenseKey": token }),
        ),
        (format!("/{SECRET}/{api_key}"), json!({})),
        (
            "/getLicense".to_owned(),
            json!({ "apiKey": SECRET, "licenseKey": api_key }),
        ),
        (
            "/activate".to_owned(),
            json!({ "licenseKey": token, "productId": SECRET }),
        ),
    ] {
        assert_ne!(server.post(&path, &body).0, 200);
    }
    vec![
        ("the admin secret", SECRET.to_owned()),
        ("the webhook secret", webhook_secret.to_owned()),
        ("an API key", api_key),
        ("a machine's token", token),
        ("a password", PASSWORD.to_owned()),
    ]
}

fn assert_nowhere(secrets: &[(&'static str, String)], place: &str, bytes: &[u8]) {
    for (kind, secret) in secrets {
        // A part is as bad: the last half, which of a token is its signature.
        for part in [secret.as_str(), &secret[secret.len() / 2..]] {
            let is_there = bytes.windows(part.len()).any(|window| window == part.as_bytes());
            assert!(!is_there, "{kind} is in {place}");
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

/// The raw bytes of the database, with what was overwritten in it and its log of writes, which an orderly end would fold
/// into it; and all that the server said.
#[test]
fn no_credential_is_in_the_files_of_a_server_nor_in_what_it_says() {
    let folder = folder("secrecy");
    let said = folder.with_extension("said");
    let mut command = keystead(&folder, &[]);
    command
        .arg("--no-demo")
        .env("KEYSTEAD_ADMIN_SECRET", SECRET)
        .stdout(Stdio::from(fs::File::create(&said).expect("a file")));
    let mut server = Server::spawn(command);
    let kept = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.join(name)).expect("a secret")).expect("JSON")
    };
    let webhook_secret = text(&kept("credentials.json")["webhookSecret"]);
    let mut secrets = use_them_all(&server, &webhook_secret);
    server.process.kill().expect("SIGKILL");
    let (_, errors) = server.end();
    // A generated secret is printed once, at the first start, for whoever started it.
    let printed = errors.replace(&webhook_secret, "");
    assert_nowhere(&secrets, "what it says", printed.as_bytes());
    assert_nowhere(&secrets, "its log", &fs::read(&said).expect("the log"));
    for key in kept("signing.json")["signingKeys"].as_array().expect("keys") {
        secrets.push(("a signing key", text(&key["privateKey"])));
    }
    for key in kept("accounts.json")["accountKeys"].as_array().expect("keys") {
        secrets.push(("an account key", text(&key["secret"])));
    }
    secrets.push(("the root key", text(&kept("root.json")["rootKey"])));
    let looked_at = files(&folder);
    assert!(
        looked_at.iter().any(|file| file.to_string_lossy().ends_with("-wal")),
        "the log of writes is there: {looked_at:?}"
    );
    let bytes: Vec<u8> = looked_at
        .iter()
        .flat_map(|file| fs::read(file).expect("a file"))
        .collect();
    let is_there = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(is_there(b"customer@example.com"), "what is no secret is found this way");
    for file in looked_at {
        // The places for secrets, of mode 0600, which another story sees to. Each holds its own and none of the others'.
        let own: &[&str] = match file.file_name().and_then(|name| name.to_str()) {
            Some("root.json") => &["the root key"],
            Some("signing.json") => &["a signing key"],
            Some("credentials.json") => &["the admin secret", "the webhook secret"],
            Some("accounts.json") => &["an account key"],
            Some(_) | None => &[],
        };
        let others: Vec<_> = secrets
            .iter()
            .filter(|(kind, _)| !own.contains(kind))
            .cloned()
            .collect();
        assert_nowhere(&others, &file.to_string_lossy(), &fs::read(&file).expect("a file"));
    }
}
