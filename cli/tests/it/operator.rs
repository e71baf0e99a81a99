//! The operator's commands: one story for each, against a real server.

use std::{fs, io::Write as _, net::TcpListener, os::unix::fs::PermissionsExt as _, process::Stdio, thread};

use serde_json::json;

use crate::{
    command::{Ran, answer, bare, operator, ran, request, run, text},
    server::{SECRET, Server, folder},
};

/// A server with the product `app`, and a license of it.
fn with_license() -> (Server, String) {
    let server = Server::start_in_memory();
    run(
        &server,
        &["product", "create", "app", "--name", "App", "--creator", "alice"],
    )
    .expect(0);
    let made = run(
        &server,
        &["license", "create", "--email", "a@example.com", "--product", "app"],
    );
    let key = made.printed().trim().to_owned();
    (server, key)
}

#[test]
fn a_product_is_made_listed_and_changed() {
    let server = Server::start_in_memory();
    let made = run(
        &server,
        &["product", "create", "app", "--name", "My App", "--creator", "alice"],
    );
    assert_eq!(made.printed(), "Made the product app, live.\n");
    let listed = run(&server, &["product", "list"]).printed();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].starts_with("PRODUCT"), "{listed}");
    assert!(
        lines[1].starts_with("app") && lines[1].contains("My App") && lines[1].contains("alice"),
        "{listed}"
    );

    let changed = run(&server, &["product", "update", "app", "--status", "archived"]);
    assert_eq!(changed.printed(), "Changed the product app; it is archived.\n");
    assert_eq!(run(&server, &["product", "list", "--json"]).json()["count"], 0);
    let all = run(&server, &["--json", "product", "list", "--all"]).code;
    assert_eq!(all, Some(2), "--json belongs to the commands that talk to a server");
    let all = run(&server, &["product", "--json", "list", "--all"]).json();
    assert_eq!(all["products"][0]["productId"], "app");
}

#[test]
fn keys_are_dealt_in_as_the_product_says() {
    let server = Server::start_in_memory();
    let product = ["product", "create", "app", "--name", "My App", "--creator", "alice"];
    run(&server, &product).expect(0);
    let create = ["license", "create", "--email", "a@example.com", "--product", "app"];
    assert_eq!(run(&server, &create).printed().trim().len(), 36);
    let grouped = [&create[..], &["--key-format", "grouped"]].concat();
    assert!(run(&server, &grouped).printed().starts_with("GLD-"));
    let rules = [
        "product",
        "update",
        "app",
        "--key-prefix",
        "acme",
        "--max-activations",
        "3",
        "--allow-buyer-reset",
        "false",
    ];
    run(&server, &rules).expect(0);
    assert!(run(&server, &create).printed().starts_with("ACME-"));
    let listed = run(&server, &["product", "list", "--json"]).json();
    let product = &listed["products"][0];
    assert_eq!(
        (
            &product["keyPrefix"],
            &product["maxActivations"],
            &product["allowBuyerReset"]
        ),
        (&json!("ACME"), &json!(3), &json!(false))
    );
    assert_eq!(
        run(&server, &["product", "update", "app"]).code,
        Some(2),
        "nothing to change"
    );

    let add = [
        "member",
        "add",
        "Ann@example.com",
        "--creator",
        "alice",
        "--role",
        "dev",
    ];
    assert_eq!(
        run(&server, &add).printed(),
        "ann@example.com is a member of alice: dev.\n"
    );
    let remove = ["member", "remove", "ann@example.com", "--creator", "alice"];
    assert_eq!(
        run(&server, &remove).printed(),
        "ann@example.com is no member of alice.\n"
    );
}

#[test]
fn a_license_lives_through_every_command() {
    let (server, key) = with_license();
    let shown = run(&server, &["license", "get", &key]).printed();
    assert!(shown.contains("a@example.com") && shown.contains("active"), "{shown}");
    let status = || {
        let shown = run(&server, &["license", "get", &key, "--json"]).json();
        shown["license"]["status"].as_str().expect("a status").to_owned()
    };

    let update = [
        "license",
        "update",
        &key,
        "--max-machines",
        "unlimited",
        "--expires-at",
        "2099-01-01T00:00:00Z",
        "--status",
        "suspended",
    ];
    run(&server, &update).expect(0);
    let license = run(&server, &["license", "get", &key, "--json"]).json()["license"].take();
    assert_eq!(license["maxMachines"], -1);
    assert_eq!(license["expiresAt"], "2099-01-01T00:00:00.000Z");
    assert_eq!(license["status"], "suspended");
    run(
        &server,
        &[
            "license",
            "update",
            &key,
            "--expires-at",
            "never",
            "--max-machines",
            "-1",
        ],
    )
    .expect(0);
    assert_eq!(
        run(&server, &["license", "get", &key, "--json"]).json()["license"]["expiresAt"],
        json!(null)
    );

    run(&server, &["license", "reinstate", &key]).expect(0);
    assert_eq!(status(), "active");
    server.expect(
        200,
        "/activate",
        &json!({ "licenseKey": key, "machineFingerprint": "m", "hostname": "my-host", "productId": "app" }),
    );
    let shown = run(&server, &["license", "get", &key]).printed();
    assert!(shown.contains("my-host"), "{shown}");
    let reset = run(&server, &["license", "reset", &key]).printed();
    assert_eq!(reset, "Took 1 machine off the license.\n");

    run(&server, &["license", "revoke", &key, "--reason", "refund"]).expect(0);
    assert_eq!(status(), "revoked");
    let listed = run(&server, &["license", "list", "--status", "revoked"]).printed();
    assert!(listed.contains(&key), "{listed}");
    let listed = run(&server, &["license", "list", "--status", "active", "--json"]).json();
    assert_eq!(listed["count"], 0);
}

#[test]
fn one_machine_is_taken_off_a_license() {
    let (server, key) = with_license();
    run(&server, &["license", "update", &key, "--max-machines", "unlimited"]).expect(0);
    for (fingerprint, host) in [("4C4C4544-1", "ann"), ("4C4C4544-2", "ben"), ("4C4C4544-3", "ben")] {
        server.expect(
            200,
            "/activate",
            &json!({ "licenseKey": key, "machineFingerprint": fingerprint, "hostname": host, "productId": "app" }),
        );
    }
    let listed = run(&server, &["machine", "list", &key]).printed();
    let id = |host: &str| {
        let line = listed.lines().find(|line| line.contains(host)).expect("a machine");
        line.split_whitespace().next().expect("an id").to_owned()
    };
    let several = run(&server, &["machine", "remove", &key, "ben"]).expect(1);
    assert!(several.err.contains("several machines"), "{}", several.err);
    let removed = run(&server, &["machine", "remove", &key, &id("ann").to_lowercase()]).printed();
    assert_eq!(removed, "Took the machine off the license.\n");
    run(&server, &["machine", "remove", &key, "ann"]).expect(1);
    run(&server, &["machine", "remove", &key.to_uppercase(), "4C4C4544-2"]).expect(0);
    run(&server, &["machine", "remove", &key, "BEN"]).expect(0);
    let listed = run(&server, &["machine", "list", &key]).printed();
    assert_eq!(listed.lines().count(), 1, "{listed}");
}

#[test]
fn a_license_gets_another_key_and_its_customer_the_one_that_it_has() {
    let (server, key) = with_license();
    let reissued = run(&server, &["license", "reissue", &key]).expect(0);
    let new = reissued.out.trim().to_owned();
    assert_ne!(new, key);
    // The server shows no mail to anybody.
    assert!(reissued.err.contains("was not mailed"), "{}", reissued.err);
    run(&server, &["license", "get", &key]).expect(1);
    run(&server, &["license", "get", &new]).expect(0);
    let resent = run(&server, &["license", "resend", &new]).printed();
    assert_eq!(
        resent,
        "The server mails nothing: tell the customer the key in another way.\n"
    );
    let quiet = run(&server, &["license", "reissue", &new, "--no-mail"]).expect(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn a_key_that_begins_with_a_hyphen_is_a_key() {
    let (server, _) = with_license();
    let create = ["license", "create", "--email", "b@example.com", "--product", "app"];
    let made = run(&server, &[&create[..], &["--license-key", "-ABC"]].concat());
    assert_eq!(made.printed(), "-ABC\n");
    for key in ["-ABC", "--ABC", "-"] {
        // The last is the standard input, which is empty.
        let shown = run(&server, &["license", "get", key, "--json"]);
        assert_eq!(shown.code, Some(i32::from(key != "-ABC")), "{}", shown.err);
    }
    for (command, after) in [
        ("update", &["--status", "suspended"][..]),
        ("reinstate", &[]),
        ("reset", &[]),
        ("resend", &[]),
        ("revoke", &["--reason", "refund"]),
    ] {
        run(&server, &[&["license", command, "-ABC"], after].concat()).expect(0);
    }
    run(&server, &["machine", "list", "-ABC"]).expect(0);
    let help = ran(&mut bare(&["license", "get", "-h"])).printed();
    assert!(help.contains("Usage:"), "{help}");
}

#[test]
fn a_customer_s_address_is_corrected() {
    let (server, key) = with_license();
    run(&server, &["license", "update", &key, "--email", "Ann@Example.com"]).expect(0);
    let listed = run(&server, &["license", "list", "--email", "ann@example.com"]).printed();
    assert!(listed.contains(&key), "{listed}");
}

#[test]
fn a_long_list_says_how_it_goes_on() {
    let (server, first) = with_license();
    let second = run(
        &server,
        &["license", "create", "--email", "b@example.com", "--product", "app"],
    )
    .printed();
    let page = run(&server, &["license", "list", "--limit", "1"]).expect(0);
    assert!(
        page.out.contains(second.trim()) && !page.out.contains(&first),
        "{}",
        page.out
    );
    let (_, cursor) = page.err.trim().split_once("--cursor ").expect("a cursor");
    let page = run(&server, &["license", "list", "--limit", "1", "--cursor", cursor]).expect(0);
    assert!(page.out.contains(&first), "{}", page.out);
}

#[test]
fn a_license_is_made_with_all_that_can_be_said() {
    let (server, _) = with_license();
    run(
        &server,
        &["product", "create", "extra", "--name", "Extra", "--creator", "alice"],
    )
    .expect(0);
    let made = [
        "license",
        "create",
        "--json",
        "--email",
        "b@example.com",
        "--product",
        "app",
        "--variant",
        "studio",
        "--type",
        "floating",
        "--max-machines",
        "-1",
        "--max-concurrent",
        "3",
        "--expires-at",
        "2099-01-01T00:00:00Z",
        "--purchased-at",
        "2020-01-01T00:00:00Z",
        "--discount-code",
        "D",
        "--purchase-id",
        "P",
        "--bundle-id",
        "B",
        "--unlock",
        "extra",
        "--license-key",
        "OWN-KEY",
    ];
    assert_eq!(run(&server, &made).json()["licenseKey"], "OWN-KEY");
    let license = run(&server, &["license", "get", "OWN-KEY", "--json"]).json()["license"].take();
    for (field, value) in [
        ("variant", json!("studio")),
        ("licenseType", json!("floating")),
        ("maxMachines", json!(-1)),
        ("maxConcurrent", json!(3)),
        ("purchasedAt", json!("2020-01-01T00:00:00.000Z")),
        ("discountCode", json!("D")),
        ("purchaseId", json!("P")),
        ("bundleId", json!("B")),
        ("unlockedProducts", json!(["extra"])),
    ] {
        assert_eq!(license[field], value, "{field}");
    }
    let again = run(&server, &made).expect(1);
    assert!(
        again.err.contains("A license with this key already exists (HTTP 409)"),
        "{}",
        again.err
    );
}

#[test]
fn an_address_for_stripe_is_made_its_secret_replaced_and_closed() {
    let (server, _) = with_license();
    let home = folder("stripe-secret");
    fs::create_dir_all(&home).expect("a folder");
    let file = home.join("secret");
    fs::write(&file, "whsec_0123456789abcdef0123456789abcdef\n").expect("a file");
    let secret = ["--stripe-secret-file", text(&file)];
    let create = ["api-key", "create", "--creator", "alice", "--name", "Stripe"];
    let made = run(&server, &[&create[..], &secret].concat()).expect(0);
    assert!(made.out.starts_with("cgst_"), "{}", made.out);
    let listed = run(&server, &["api-key", "list", "--creator", "alice", "--json"]).json();
    let key = &listed["keys"][0];
    assert_eq!(key["purpose"], "stripe");
    let hash = key["hash"].as_str().expect("a hash");
    let replaced = run(
        &server,
        &[&["api-key", "replace-stripe-secret", hash], &secret[..]].concat(),
    );
    assert_eq!(replaced.expect(0).out, "Replaced the secret.\n");
    run(&server, &["api-key", "revoke", hash]).expect(0);
    run(
        &server,
        &[&["api-key", "replace-stripe-secret", hash], &secret[..]].concat(),
    )
    .expect(1);
}

#[test]
fn an_api_key_is_made_used_and_revoked() {
    let (server, _) = with_license();
    let made = run(&server, &["api-key", "create", "--creator", "alice", "--name", "Shop"]).expect(0);
    let key = made.out.trim().to_owned();
    assert!(key.starts_with("cgls_") && !made.err.contains(&key));
    let home = folder("api-key");
    fs::create_dir_all(&home).expect("a folder");
    let file = home.join("key");
    fs::write(&file, format!("{key}\n")).expect("a file");

    let list = |from: &str| {
        let mut command = bare(&["license", "list", "--server", &server.url(), "--api-key-file", from]);
        ran(&mut command)
    };
    assert!(list(text(&file)).printed().contains("a@example.com"));
    // Only the admin manages API keys.
    let mut as_creator = bare(&["api-key", "list", "--server", &server.url()]);
    let refused = ran(as_creator.env("KEYSTEAD_API_KEY", &key)).expect(1);
    assert!(
        refused.err.contains("HTTP 401") && refused.err.contains("KEYSTEAD_API_KEY"),
        "{}",
        refused.err
    );
    assert!(!refused.err.contains(&key));

    let listed = run(&server, &["api-key", "list", "--creator", "alice", "--json"]).json();
    let hash = listed["keys"][0]["hash"].as_str().expect("a hash");
    run(&server, &["api-key", "revoke", hash]).expect(0);
    list(text(&file)).expect(1);
    // By the key itself, which does not go on the command line.
    run(&server, &["api-key", "revoke", "--key-file", text(&file)]).expect(0);
    assert!(run(&server, &["api-key", "list"]).printed().contains(" no "));
}

#[test]
fn a_credential_is_in_a_file_in_the_environment_or_in_the_data_folder() {
    let home = folder("credentials");
    // Its secret is generated.
    let server = Server::start(&home, &["--no-demo"]);
    let url = server.url();
    let with_folder = |args: &[&str]| {
        let mut command = bare(&["product", "list", "--server", &url]);
        command.args(args).current_dir(home.parent().expect("a folder"));
        command
    };
    ran(&mut with_folder(&["--data-dir", text(&home)])).expect(0);
    let none = ran(&mut with_folder(&["--data-dir", "/nowhere"])).expect(2);
    for way in [
        "--admin-secret-file",
        "--api-key-file",
        "KEYSTEAD_ADMIN_SECRET",
        "KEYSTEAD_API_KEY",
        "--data-dir",
    ] {
        assert!(none.err.contains(way), "{}", none.err);
    }

    let secrets: serde_json::Value =
        serde_json::from_slice(&fs::read(home.join("credentials.json")).expect("secrets")).expect("JSON");
    let secret = secrets["adminSecret"].as_str().expect("a secret");
    let file = home.join("the-secret");
    fs::write(&file, format!("  {secret}\r\n")).expect("a file");
    let by_file = ["--admin-secret-file", text(&file)];
    ran(&mut with_folder(&by_file)).expect(0);
    ran(with_folder(&[]).env("KEYSTEAD_ADMIN_SECRET", secret)).expect(0);
    // What is said on the command line wins.
    ran(with_folder(&by_file).env("KEYSTEAD_ADMIN_SECRET", "wrong")).expect(0);
    let wrong = ran(with_folder(&[]).env("KEYSTEAD_ADMIN_SECRET", "wrong")).expect(1);
    assert!(wrong.err.contains("Unauthorized (HTTP 401)"), "{}", wrong.err);
    assert!(wrong.err.contains("came from KEYSTEAD_ADMIN_SECRET"), "{}", wrong.err);

    let mut by_stdin = with_folder(&["--admin-secret-file", "-"]);
    let mut process = by_stdin.stdin(Stdio::piped()).spawn().expect("a process");
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(secret.as_bytes()).expect("a secret");
    drop(input);
    assert!(process.wait().expect("an exit status").success());

    fs::write(&file, "two\nlines\n").expect("a file");
    let wrong = ran(&mut with_folder(&by_file)).expect(1);
    assert!(wrong.err.contains("one secret"), "{}", wrong.err);
    ran(&mut with_folder(&["--admin-secret-file", "/nowhere"])).expect(1);
    ran(&mut with_folder(&["--admin-secret-file", "a", "--api-key-file", "b"])).expect(2);
}

#[test]
fn a_license_key_can_come_from_the_standard_input() {
    let (server, key) = with_license();
    let told = |input: &str, args: &[&str]| {
        let mut process = operator(&server, args)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut pipe = process.stdin.take().expect("a pipe");
        // One that refuses at once does not read it.
        let _: std::io::Result<()> = pipe.write_all(input.as_bytes());
        drop(pipe);
        Ran::from(process.wait_with_output().expect("an exit status"))
    };
    let line = format!("{key}\n");
    assert!(
        told(&line, &["license", "get", "-"])
            .printed()
            .contains("a@example.com")
    );
    for (args, status) in [
        (&["update", "-", "--status", "suspended"][..], "suspended"),
        (&["reinstate", "-"], "active"),
        (&["reset", "-"], "active"),
        (&["revoke", "-", "--reason", "refund"], "revoked"),
    ] {
        told(&line, &[&["license"], args].concat()).expect(0);
        let shown = run(&server, &["license", "get", &key, "--json"]).json();
        assert_eq!(shown["license"]["status"], status, "{args:?}");
    }
    let create = ["license", "create", "--email", "b@example.com", "--product", "app"];
    let own = [&create[..], &["--license-key", "-"]].concat();
    assert_eq!(told(" OWN-KEY\r\n", &own).printed(), "OWN-KEY\n");

    for wrong in ["", "\n", "two\nkeys\n"] {
        told(wrong, &["license", "get", "-"]).expect(1);
    }
    // It can't be two things at once.
    let both = told(&line, &["license", "get", "-", "--admin-secret-file", "-"]).expect(2);
    assert!(both.err.contains("both"), "{}", both.err);
    for command in ["get", "update", "revoke", "reinstate", "reset", "create"] {
        let help = ran(&mut bare(&["license", command, "--help"])).printed();
        assert!(help.contains("`-` reads it from the standard input"), "{help}");
    }
}

#[test]
fn no_option_takes_a_secret_by_value() {
    for option in ["--admin-secret", "--api-key", "--secret"] {
        let refused = ran(&mut bare(&["product", "list", option, SECRET])).expect(2);
        assert!(refused.err.contains("unexpected argument"), "{}", refused.err);
    }
    let mut help = bare(&["product", "list", "--help"]);
    let help = ran(help
        .env("KEYSTEAD_ADMIN_SECRET", SECRET)
        .env("KEYSTEAD_API_KEY", SECRET))
    .printed();
    assert!(!help.contains(SECRET), "{help}");
    assert!(help.contains("Exit codes:"), "{help}");
}

#[test]
fn wrong_usage_is_told_from_refusal_and_from_absence() {
    let (server, key) = with_license();
    // Refused.
    let refused = run(&server, &["license", "get", "no-such-key"]).expect(1);
    assert_eq!(refused.err, "keystead: License not found (HTTP 404)\n");
    run(
        &server,
        &["product", "create", "app", "--name", "Again", "--creator", "alice"],
    )
    .expect(1);
    // Wrong usage.
    for wrong in [
        &["license", "update", &key][..],
        &["license", "get"],
        &["license", "create", "--email", "a@example.com"],
        &["license", "update", &key, "--max-machines", "many"],
        &["license", "update", &key, "--max-machines", "-2"],
        &["license", "update", &key, "--expires-at", "tomorrow"],
        &["license", "update", &key, "--status", "expired"],
        &["license", "list", "--limit", "1001"],
        &["license", "list", "--timeout", "0"],
        &["license", "frobnicate"],
    ] {
        run(&server, wrong).expect(2);
    }
    for server in [
        "http://licenses.example.com",
        "licenses.example.com",
        "https://u:p@example.com",
    ] {
        let mut command = bare(&["product", "list", "--server", server]);
        ran(command.env("KEYSTEAD_ADMIN_SECRET", SECRET)).expect(2);
    }
    // Not there.
    let address = server.url();
    server.stop();
    let mut command = bare(&["product", "list", "--server", &address]);
    let absent = ran(command.env("KEYSTEAD_ADMIN_SECRET", SECRET)).expect(3);
    assert!(absent.err.contains(&address), "{}", absent.err);
    assert!(!absent.err.contains(SECRET));
}

#[test]
fn the_end_of_the_address_does_not_matter() {
    let (server, _) = with_license();
    let mut command = bare(&["product", "list", "--server", &format!("{}//", server.url())]);
    ran(command.env("KEYSTEAD_ADMIN_SECRET", SECRET)).expect(0);
}

#[test]
fn a_write_that_fails_is_sent_again_under_the_same_key() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let answers = [
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
            // The second is not answered at all; but it has arrived.
            String::new(),
            answer(
                "409 Conflict",
                r#"{"success":false,"error":"A request with this Idempotency-Key is in progress. Try again later."}"#,
            ),
            answer("200 OK", r#"{"success":true,"deletedCount":7}"#),
        ];
        answers.map(|answer| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let request = request(&mut stream);
            stream.write_all(answer.as_bytes()).expect("an answer");
            request
        })
    });
    let mut command = bare(&["license", "reset", "KEY", "--server", &url]);
    let outcome = ran(command.env("KEYSTEAD_API_KEY", "cgls_x"));
    let requests = server.join().expect("four requests");
    let key = |head: &str| {
        let (_, rest) = head.split_once("idempotency-key: ").expect("a key");
        rest.split("\r\n").next().expect("a key").to_owned()
    };
    assert!(requests.iter().all(|(head, _)| key(head) == key(&requests[0].0)));
    assert!(
        requests
            .iter()
            .all(|(head, body)| head.contains("x-api-key: cgls_x") && !body.contains("cgls_x"))
    );
    assert_eq!(outcome.printed(), "Took 7 machines off the license.\n");
}

#[test]
fn what_is_not_keystead_is_told_so_and_a_redirection_is_not_followed() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            request(&mut stream);
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        let mut command = bare(&["product", "list", "--server", &url]);
        let told = ran(command.env("KEYSTEAD_ADMIN_SECRET", SECRET)).expect(1);
        assert!(told.err.contains("a Keystead server?"), "{}", told.err);
        server.join().expect("a request");
    }
}

#[test]
fn an_export_is_whole_and_for_its_user_only() {
    let (server, key) = with_license();
    let home = folder("export");
    fs::create_dir_all(&home).expect("a folder");
    let file = home.join("licenses.csv");
    let told = run(&server, &["license", "export", "--output", text(&file)]).printed();
    assert_eq!(told, "exported 1 license\n");
    let written = fs::read_to_string(&file).expect("a file");
    let columns = "licenseKey,email,productId,variant,licenseType,status,maxMachines,maxConcurrent,createdAt,\
                   purchasedAt,expiresAt,discountCode,purchaseId,bundleId,unlockedProducts,disputeReason";
    assert_eq!(written.lines().next(), Some(columns));
    assert!(written.contains(&key));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    // The standard output holds the licenses and nothing else.
    let printed = run(&server, &["license", "export", "--format", "ndjson"]).expect(0);
    assert_eq!(printed.out.lines().count(), 1);
    let license: serde_json::Value = serde_json::from_str(&printed.out).expect("JSON");
    assert_eq!(license["licenseKey"], key.as_str());
    assert!(!printed.err.contains(&key));

    // One that fails leaves what was there.
    let failed = run(
        &server,
        &["license", "export", "--output", text(&file), "--product", "none"],
    )
    .expect(1);
    assert!(failed.err.contains("Product not found"), "{}", failed.err);
    assert_eq!(fs::read_to_string(&file).expect("a file"), written);
    assert_eq!(fs::read_dir(&home).expect("a folder").count(), 1);
}

#[test]
fn a_trial_code_is_made_redeemed_changed_and_deleted() {
    let (server, _) = with_license();
    let create = [
        "code",
        "create",
        "TRY14",
        "--product",
        "app",
        "--trial-days",
        "14",
        "--max-uses",
        "3",
    ];
    assert_eq!(run(&server, &create).printed(), "Made the code TRY14.\n");
    let taken = run(&server, &create).expect(1);
    assert!(taken.err.contains("(HTTP 409)"), "{}", taken.err);

    let redeem = ["code", "redeem", "try14", "--email", "new@example.com"];
    let redeemed = run(&server, &redeem).printed();
    let key = redeemed
        .lines()
        .find_map(|line| line.strip_prefix("License"))
        .expect("a key")
        .trim();
    let license = run(&server, &["license", "get", key, "--json"]).json()["license"].take();
    assert_eq!(
        (&license["email"], &license["variant"]),
        (&json!("new@example.com"), &json!("trial"))
    );
    let again = run(&server, &redeem).expect(1);
    assert!(
        again.err.contains("Trial already redeemed for this email (HTTP 409)"),
        "{}",
        again.err
    );

    let listed = run(&server, &["code", "list", "--product", "app"]).printed();
    let line: Vec<&str> = listed.lines().nth(1).expect("a code").split_whitespace().collect();
    assert_eq!(line[..6], ["TRY14", "app", "14", "-", "1", "3"], "{listed}");
    let code = || run(&server, &["code", "list", "--json"]).json()["codes"][0].take();
    let update = [
        "code",
        "update",
        "TRY14",
        "--active",
        "false",
        "--max-uses",
        "unlimited",
        "--expires-at",
        "2099-01-01T00:00:00Z",
        "--trial-days",
        "30",
    ];
    run(&server, &update).expect(0);
    let changed = code();
    assert_eq!((&changed["active"], &changed["maxUses"]), (&json!(false), &json!(null)));
    assert_eq!(
        (&changed["trialDays"], &changed["expiresAt"]),
        (&json!(30), &json!("2099-01-01T00:00:00.000Z"))
    );
    run(&server, &["code", "update", "TRY14", "--expires-at", "never"]).expect(0);
    assert_eq!(code()["expiresAt"], json!(null));
    run(&server, &["code", "delete", "TRY14"]).expect(0);
    assert_eq!(run(&server, &["code", "list", "--json"]).json()["count"], 0);
}

#[test]
fn a_discount_code_is_for_one_product_or_for_all_of_a_creator() {
    let (server, _) = with_license();
    let all = [
        "code",
        "create",
        "SPRING",
        "--discount-percent",
        "20",
        "--creator",
        "alice",
    ];
    run(&server, &all).expect(0);
    run(
        &server,
        &["code", "create", "ONE", "--discount-percent", "5", "--product", "app"],
    )
    .expect(0);
    let codes = run(&server, &["code", "list", "--json"]).json()["codes"].take();
    assert_eq!(
        (&codes[1]["code"], &codes[1]["discountPercent"]),
        (&json!("SPRING"), &json!(20))
    );
    assert_eq!(
        (&codes[0]["code"], &codes[0]["productId"]),
        (&json!("ONE"), &json!("app"))
    );
    assert_eq!(codes[1]["productId"], "");
    run(&server, &["code", "update", "ONE", "--discount-percent", "10"]).expect(0);
    let listed = run(&server, &["code", "list"]).printed();
    assert!(listed.contains(" 10 "), "{listed}");
}

#[test]
fn a_discount_may_be_a_fraction_of_a_percent() {
    let (server, _) = with_license();
    let code = |args: &[&str]| run(&server, &[&["code"], args].concat());
    let percent = || code(&["list", "--json"]).json()["codes"][0]["discountPercent"].take();
    code(&["create", "SPRING", "--product", "app", "--discount-percent", "12.5"]).expect(0);
    assert_eq!(percent(), json!(12.5));
    for (written, kept) in [("0.01", json!(0.01)), ("33.33", json!(33.33)), ("100", json!(100))] {
        code(&["update", "SPRING", "--discount-percent", written]).expect(0);
        assert_eq!(percent(), kept);
    }
    for wrong in ["0", "0.009", "100.01", "many", "12,5", "NaN", ""] {
        let refused = code(&["update", "SPRING", "--discount-percent", wrong]).expect(2);
        assert!(refused.err.contains("from 0.01 to 100"), "{}", refused.err);
        code(&["create", "OTHER", "--product", "app", "--discount-percent", wrong]).expect(2);
    }
}

#[test]
fn codes_are_parsed() {
    let server = Server::start_in_memory();
    for wrong in [
        &["code", "create", "TRY"][..],
        &["code", "create", "TRY", "--product", "app"],
        &["code", "create", "TRY", "--product", "app", "--trial-days", "many"],
        &["code", "update", "TRY"],
        &["code", "update", "TRY", "--max-uses", "few"],
        &["code", "update", "TRY", "--active", "maybe"],
        &[
            "code",
            "create",
            "TRY",
            "--trial-days",
            "14",
            "--product",
            "app",
            "--creator",
            "alice",
        ],
        &["code", "redeem", "TRY"],
        &["code", "delete"],
    ] {
        run(&server, wrong).expect(2);
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ran(&mut bare(&["completions", shell])).printed();
        assert!(script.contains("keystead") && script.contains("reinstate"), "{shell}");
    }
    ran(&mut bare(&["completions", "tcsh"])).expect(2);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let (server, _) = with_license();
    let mut list = operator(&server, &["license", "export"]);
    let mut process = list.stderr(Stdio::null()).spawn().expect("a process");
    drop(process.stdout.take());
    assert!(process.wait().expect("an exit status").success());
}
