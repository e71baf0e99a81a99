//! What the local server would have mailed.

use std::{io::Write as _, net::TcpStream};

use serde_json::{Value, json};

use crate::server::{self, Server, folder, keystead};

/// `GET` of this path, with these lines in its head.
fn get(server: &Server, path: &str, head: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    let asked = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{head}\r\n");
    stream.write_all(asked.as_bytes()).expect("a request");
    server::answer(&mut stream).expect("an answer")
}

#[test]
fn mail_is_shown_to_those_who_have_its_key_and_to_nobody_else() {
    let server = Server::start_bare(&folder("mail"), &["--show-mail"]);
    let door = server.door("/_mail");
    let who = json!({ "email": "ann@example.com", "password": "correct horse" });
    server.expect(200, "/api/auth/register", &json!({ "email": who["email"] }));
    let (status, shown) = get(&server, &door, "Host: localhost\r\n");
    assert_eq!((status, shown.as_array().map(Vec::len)), (200, Some(1)), "{shown}");
    assert_eq!(
        (&shown[0]["to"], &shown[0]["subject"]),
        (&who["email"], &json!("Choose a password"))
    );
    let text = shown[0]["text"].as_str().expect("a text");
    let token = text.split_whitespace().find(|word| word.len() == 43).expect("a token");
    let chosen = json!({ "token": token, "password": who["password"] });
    server.expect(200, "/api/auth/verify", &chosen);
    let login = server.expect(200, "/api/auth/login", &who);
    assert_eq!(login["account"]["emailVerified"], true);

    // Where a request comes from opens nothing: a proxy on this machine sends strangers' requests from here, and a page in
    // a browser has a name of its own lead here.
    let (_, key) = door.split_once("key=").expect("a key");
    let other = format!("/_mail?key={}", "0".repeat(key.len()));
    for path in ["/_mail", "/_mail?key=", "/_mail?", &other, &format!("/_mail?Key={key}")] {
        for head in [
            "Host: localhost\r\n",
            "Host: 127.0.0.1:8787\r\n",
            "Host: vendor.example\r\n",
        ] {
            let (status, answer) = get(&server, path, head);
            assert_eq!((status, &answer["error"]), (404, &json!("Not found")), "{path} {head}");
        }
    }
    assert_eq!(server.send("POST", &door, "{}").0, 405);
}

#[test]
fn mail_is_not_shown_unless_asked_for() {
    let server = Server::start_bare(&folder("hidden-mail"), &[]);
    assert_eq!(get(&server, "/_mail", "Host: localhost\r\n").0, 404);
    assert!(!server.stop().contains("_mail"));
}

#[test]
fn mail_is_not_shown_on_an_address_that_others_reach() {
    let Err((status, told)) = Server::try_spawn(keystead(&folder("open-mail"), &["--show-mail", "--host", "0.0.0.0"]))
    else {
        panic!("mail is shown to the network");
    };
    assert!(!status.success());
    assert!(told.contains("--show-mail") && told.contains("--host"), "{told}");
}
