//! What the local server would have mailed.

use std::{io::Write as _, net::TcpStream};

use serde_json::{Value, json};

use crate::server::{self, Server, folder};

/// `GET /_mail`, with these lines in its head.
fn mails(server: &Server, head: &str) -> (u16, Value) {
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).expect("a connection");
    let asked = format!("GET /_mail HTTP/1.1\r\nConnection: close\r\n{head}\r\n");
    stream.write_all(asked.as_bytes()).expect("a request");
    server::answer(&mut stream).expect("an answer")
}

#[test]
fn mail_is_shown_to_this_machine_and_to_nobody_else() {
    let server = Server::start_bare(&folder("mail"), &[]);
    let address = server.url().trim_start_matches("http://").to_owned();
    let who = json!({ "email": "ann@example.com", "password": "correct horse" });
    server.expect(200, "/api/auth/register", &who);
    for host in [&address, "localhost", "localhost:8787", "[::1]:8787", "[::1]"] {
        let (status, shown) = mails(&server, &format!("Host: {host}\r\n"));
        assert_eq!(
            (status, shown.as_array().map(Vec::len)),
            (200, Some(1)),
            "{host}: {shown}"
        );
    }
    let (_, shown) = mails(&server, "Host: localhost\r\n");
    assert_eq!(
        (&shown[0]["to"], &shown[0]["subject"]),
        (&who["email"], &json!("Verify your email address"))
    );
    let text = shown[0]["text"].as_str().expect("a text");
    let token = text.split_whitespace().find(|word| word.len() > 100).expect("a token");
    server.expect(200, "/api/auth/verify", &json!({ "token": token }));
    let login = server.expect(200, "/api/auth/login", &who);
    assert_eq!(login["account"]["emailVerified"], true);

    // By a name that leads here, as a page in a browser could have it; and through a proxy.
    for head in [
        "Host: licenses.example.com\r\n",
        "Host: localhost.example.com:8787\r\n",
        "",
        "Host: localhost\r\nX-Forwarded-For: 203.0.113.9\r\n",
        "Host: localhost\r\nForwarded: for=203.0.113.9\r\n",
        "Host: localhost\r\nVia: 1.1 proxy\r\n",
    ] {
        let (status, answer) = mails(&server, head);
        assert_eq!((status, &answer["error"]), (404, &json!("Not found")), "{head}");
    }
    assert_eq!(server.send("POST", "/_mail", "{}").0, 404, "it names no loopback host");
}

#[test]
fn mail_is_shown_to_nobody_where_it_is_to_be_hidden() {
    let server = Server::start_bare(&folder("hidden-mail"), &["--hide-mail"]);
    assert_eq!(mails(&server, "Host: localhost\r\n").0, 404);
}
