//! `keystead secrets` and `keystead keys`, on a data folder whose server is stopped.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    command::{Ran, bare, ran, text},
    server::{Server, folder},
};

fn on(folder: &Path, args: &[&str]) -> Ran {
    ran(bare(args).args(["--data-dir", text(folder)]))
}

fn kept(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).expect("a file")).expect("JSON")
}

fn made(name: &str) -> std::path::PathBuf {
    let folder = folder(name);
    Server::start(&folder, &[]).stop();
    folder
}

fn status(server: &Server, secret: &str) -> u16 {
    server.post("/listProducts", &json!({ "adminSecret": secret })).0
}

#[test]
fn an_admin_secret_is_replaced_with_and_without_an_overlap() {
    let folder = made("rotate-admin");
    let first = on(&folder, &["secrets", "show", "admin-secret"]).printed();
    let said = on(&folder, &["secrets", "rotate", "admin", "--overlap", "2"]).printed();
    assert!(said.contains("The old one is good until "), "{said}");
    let second = on(&folder, &["secrets", "show", "admin-secret"]).printed();
    assert!(!said.contains(second.trim()), "secrets are shown on request only");
    let server = Server::start(&folder, &[]);
    assert_eq!(
        [&first, &second].map(|secret| status(&server, secret.trim())),
        [200, 200]
    );
    server.stop();
    assert!(!kept(&folder, "credentials.json").to_string().contains(first.trim()));

    on(&folder, &["secrets", "rotate", "admin", "--now"]).expect(0);
    let third = on(&folder, &["secrets", "show", "admin-secret"]).printed();
    let server = Server::start(&folder, &[]);
    let statuses = [&first, &second, &third].map(|secret| status(&server, secret.trim()));
    assert_eq!(statuses, [401, 401, 200], "those before it go as well");
    server.stop();
    on(&folder, &["secrets", "rotate", "admin", "--now", "--overlap", "3"]).expect(2);
    on(&folder, &["secrets", "rotate", "webhook"]).expect(0);
    on(&folder, &["secrets", "rotate", "accounts"]).expect(0);
    assert_eq!(
        kept(&folder, "accounts.json")["accountKeys"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn a_key_that_leaked_is_revoked() {
    let folder = made("revoke");
    let kid = |folder: &Path| {
        let keys = kept(folder, "signing.json")["signingKeys"].clone();
        let keys = keys.as_array().expect("keys").clone();
        let last = keys.last().expect("a key");
        last["jwk"]["kid"].as_str().expect("an id").to_owned()
    };
    let leaked = kid(&folder);
    let unknown = on(&folder, &["keys", "revoke", "unknown"]).expect(2);
    assert!(unknown.err.contains("no key has the id unknown"), "{}", unknown.err);
    on(&folder, &["keys", "revoke", &leaked]).expect(0);
    assert_ne!(kid(&folder), leaked);
    let listed = on(&folder, &["keys", "list"]).printed();
    assert!(listed.contains(&format!("{leaked}  RS256  revoked ")), "{listed}");
    assert!(listed.contains("signs; certificate until "), "{listed}");
    let server = Server::start(&folder, &[]);
    let (_, keys) = server.send("GET", "/.well-known/jwks.json", "");
    assert!(!keys.to_string().contains(&leaked), "{keys}");
    server.stop();
}

#[test]
fn the_root_key_may_be_kept_elsewhere() {
    let folder = made("root-away");
    let root = fs::read(folder.join("root.json")).expect("the root key");
    fs::remove_file(folder.join("root.json")).expect("it is there");
    let server = Server::start(&folder, &[]);
    server.stop();
    assert!(!folder.join("root.json").exists(), "no other one is made");
    let without = on(&folder, &["keys", "rotate"]).expect(1);
    assert!(without.err.contains("holds no root.json"), "{}", without.err);
    fs::write(folder.join("root.json"), root).expect("a file");
    on(&folder, &["keys", "rotate"]).expect(0);
}
