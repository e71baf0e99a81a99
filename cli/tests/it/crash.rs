//! Crashes: the server is killed (`kill -9`) at any moment under load, and started again. What it answered is there, and
//! what it did not answer is there as a whole or not at all.
//!
//! `KEYSTEAD_CRASHES=50` kills it fifty times. With `--nocapture` the stories say what they saw.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use keystead_core::config::variable;
use serde_json::{Value, json};

use crate::server::{SECRET, Server, folder, try_send};

/// How often it is killed when nobody says.
const CRASHES: usize = 3;

/// Who asks at the same time.
const CLIENTS: usize = 6;

/// What a client was told of a license.
#[derive(Default)]
struct Told {
    /// The machines that are on it.
    machines: BTreeSet<String>,
    /// A machine whose last request had no answer: it may be on it or not.
    in_doubt: Option<String>,
    /// Whether it is revoked; `None` when that request had no answer.
    revoked: Option<bool>,
}

/// What a client was told of everything it asked for.
#[derive(Default)]
struct Client {
    licenses: BTreeMap<String, Told>,
    /// Trials that it was given, and those whose request had no answer.
    trials: usize,
    trials_in_doubt: usize,
    answers: usize,
}

/// That the server is gone.
struct Gone;

impl Client {
    fn ask(&mut self, address: SocketAddr, path: &str, mut body: Value) -> Result<Value, Gone> {
        body["adminSecret"] = json!(SECRET);
        let (status, answer) = try_send(address, "POST", path, &body.to_string()).map_err(|_| Gone)?;
        assert_eq!(status, 200, "{path} {body}\n -> {answer}");
        self.answers += 1;
        Ok(answer)
    }

    /// Asks until the server is gone.
    fn run(&mut self, address: SocketAddr, name: &str) -> Result<(), Gone> {
        for turn in 0.. {
            let license_type = if turn % 2 == 0 { "floating" } else { "per-machine" };
            let license = json!({
                "email": format!("{name}-{turn}@example.com"),
                "productId": "app",
                "licenseType": license_type,
                "maxMachines": 15,
            });
            let made = self.ask(address, "/createLicense", license)?;
            let key = made["licenseKey"].as_str().expect("a key").to_owned();
            let told = Told {
                revoked: Some(false),
                ..Told::default()
            };
            self.licenses.insert(key.clone(), told);
            for number in 0..9 {
                let machine = format!("{name}-{turn}-{number}");
                self.machine_asks(address, "/activate", &key, &machine)?;
                if number % 3 == 2 {
                    self.machine_asks(address, "/deactivate", &key, &machine)?;
                }
            }
            let email = format!("trial-{name}-{turn}@example.com");
            self.trials_in_doubt += 1;
            self.ask(address, "/redeemTrialCode", json!({ "code": "CRASH", "email": email }))?;
            self.trials_in_doubt -= 1;
            self.trials += 1;
            if turn % 4 == 3 {
                self.told(&key).revoked = None;
                self.ask(address, "/revokeLicense", json!({ "licenseKey": key }))?;
                self.told(&key).revoked = Some(true);
            }
        }
        Ok(())
    }

    fn machine_asks(&mut self, address: SocketAddr, path: &str, key: &str, machine: &str) -> Result<(), Gone> {
        self.told(key).in_doubt = Some(machine.to_owned());
        let body = json!({ "licenseKey": key, "machineFingerprint": machine, "hostname": "host", "productId": "app" });
        self.ask(address, path, body)?;
        let told = self.told(key);
        told.in_doubt = None;
        if path == "/activate" {
            told.machines.insert(machine.to_owned());
        } else {
            told.machines.remove(machine);
        }
        Ok(())
    }

    fn told(&mut self, key: &str) -> &mut Told {
        self.licenses.get_mut(key).expect("a license that was made")
    }
}

/// Asserts that the server has what the client was told, and no halves of what it was not.
fn assert_kept(server: &Server, client: &Client) {
    for (key, told) in &client.licenses {
        let asked = json!({ "adminSecret": SECRET, "licenseKey": key });
        let shown = server.expect(200, "/getLicense", &asked);
        let activations = shown["activations"].as_array().expect("activations");
        let names = activations
            .iter()
            .map(|a| a["fingerprint"].as_str().expect("a fingerprint"));
        let mut machines: BTreeSet<String> = names.map(str::to_owned).collect();
        assert_eq!(
            shown["machinesUsed"],
            machines.len(),
            "the counter is that of the machines"
        );
        if shown["license"]["licenseType"] == "floating" {
            let live = activations.iter().filter(|a| a["sessionActive"] == true).count();
            assert_eq!(live, machines.len(), "each of them is in a session");
        }
        let mut expected = told.machines.clone();
        if let Some(machine) = &told.in_doubt {
            machines.remove(machine);
            expected.remove(machine);
        }
        assert_eq!(machines, expected, "of {key}");
        if let Some(revoked) = told.revoked {
            assert_eq!(shown["license"]["status"] == "revoked", revoked, "{key}");
        }
    }
}

/// The product and the code that clients ask for.
fn prepare(server: &Server) {
    for product in ["app", "trials"] {
        let body = json!({ "adminSecret": SECRET, "name": product, "slug": product, "creatorId": "alice" });
        server.expect(200, "/createProduct", &body);
    }
    let code = json!({ "adminSecret": SECRET, "code": "CRASH", "productId": "trials", "trialDays": 14 });
    server.expect(200, "/createTrialCode", &code);
}

/// How many trials the code says were redeemed, and how many licenses there are of them.
fn trials(server: &Server) -> (usize, usize) {
    let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("a small number");
    let wanted = json!({ "adminSecret": SECRET, "productId": "trials", "limit": 1000 });
    let used = number(&server.expect(200, "/listTrialCodes", &wanted)["codes"][0]["usedCount"]);
    let made = number(&server.expect(200, "/listLicenses", &wanted)["count"]);
    (used, made)
}

/// Kills a server once it has been asked for a while. Answers what its clients were told.
fn crash(folder: &Path, flags: &[&str], round: usize) -> Vec<Client> {
    let mut server = Server::start_bare(folder, flags);
    if round == 0 {
        prepare(&server);
    }
    let address = server.address;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            thread::spawn(move || {
                let mut client = Client::default();
                let Err(Gone) = client.run(address, &format!("{round}-{number}")) else {
                    panic!("the load ended before the server did");
                };
                client
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(fastrand::u64(1..600)));
    server.process.kill().expect("SIGKILL");
    let (status, _) = server.end();
    assert!(!status.success());
    clients
        .into_iter()
        .map(|client| client.join().expect("a client"))
        .collect()
}

fn nothing_is_lost_by_kill_9(durability: &str) {
    let folder = folder(&format!("kill-{durability}"));
    let flags = ["--durability", durability];
    let crashes = variable("KEYSTEAD_CRASHES").and_then(|crashes| crashes.parse().ok());
    let (mut all, mut waits) = (Vec::new(), Vec::new());
    let (mut answers, mut told, mut in_doubt) = (0, 0, 0);
    for round in 0..crashes.unwrap_or(CRASHES) {
        let clients = crash(&folder, &flags, round);
        let begun = Instant::now();
        let server = Server::start_bare(&folder, &flags);
        assert_eq!(server.send("GET", "/health", "").0, 200);
        waits.push(begun.elapsed());
        for client in &clients {
            assert_kept(&server, client);
            answers += client.answers;
            told += client.trials;
            in_doubt += client.trials_in_doubt;
        }
        let (used, made) = trials(&server);
        // A page shows a thousand at most.
        assert_eq!(
            used.min(1000),
            made,
            "a code was used for every license, and no more often"
        );
        assert!(
            (told..=told + in_doubt).contains(&used),
            "{used} of {told} to {}",
            told + in_doubt
        );
        all.extend(clients);
        server.stop();
    }
    // And not by later crashes either.
    let server = Server::start_bare(&folder, &flags);
    all.iter().for_each(|client| assert_kept(&server, client));
    server.stop();
    waits.sort_unstable();
    println!(
        "{durability}: killed {} times, {answers} answers before, none lost, nothing torn; serves again after {:?} \
         (median) and {:?} (longest)",
        waits.len(),
        waits[waits.len() / 2],
        waits[waits.len() - 1],
    );
    assert!(answers > 0);
}

#[test]
fn nothing_that_was_answered_is_lost_by_kill_9() {
    nothing_is_lost_by_kill_9("power-loss");
}

#[test]
fn nothing_that_was_answered_is_lost_by_kill_9_with_less_durability() {
    nothing_is_lost_by_kill_9("crash");
}
