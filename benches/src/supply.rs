//! Requests for the callers, ready to send.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use crate::{
    connection::Target,
    scenario::{ATTEMPTS_PER_LICENSE, Kind, Operation, Scenario},
};

/// A license that the set-up created.
#[derive(Debug)]
pub struct License {
    /// The license key.
    pub key: String,
    /// What was created.
    pub kind: Kind,
    /// The machines that the set-up activated, where the scenario needs some.
    pub machines: Vec<Machine>,
}

/// A machine that the set-up activated.
#[derive(Debug)]
pub struct Machine {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its session token. It outlives the run, so callers keep sending it and need not read the answers' tokens.
    pub token: String,
}

/// A fingerprint shaped like the clients' (64 hexadecimal digits), different for each machine of each license.
pub fn fingerprint(license: usize, machine: usize) -> String {
    format!("{license:032x}{machine:032x}")
}

/// All requests of a run, shared by its callers.
///
/// They are written out before the clock runs, so that sending one costs no more than the system call. Only
/// activations of new machines are not: their number is 14 times that of the licenses.
#[derive(Debug)]
pub struct Supply {
    target: Target,
    scenario: Scenario,
    product: String,
    validate: Vec<PreparedRequest>,
    heartbeat: Vec<PreparedRequest>,
    verify: Vec<PreparedRequest>,
    reactivate: Vec<PreparedRequest>,
    deactivate: Vec<PreparedRequest>,
    list_machines: Vec<PreparedRequest>,
    authorize: Vec<PreparedRequest>,
    /// Keys of the licenses that take new machines.
    growing: Vec<String>,
    /// Requests handed out so far of those that run out: activations and deactivations.
    spent: AtomicUsize,
}

/// A request of one license, complete.
#[derive(Debug)]
struct PreparedRequest {
    license_key: String,
    request: Vec<u8>,
}

/// The next request of a caller.
#[derive(Debug)]
pub struct Next<'a> {
    /// The bytes to send.
    pub request: Cow<'a, [u8]>,
    /// The license key in them, which an error text must not repeat.
    pub license_key: &'a str,
}

impl Supply {
    /// Write out the requests that a scenario sends for these licenses of a product.
    pub fn new(target: Target, scenario: Scenario, product: &str, licenses: &[License]) -> Self {
        let mut supply = Self {
            target,
            scenario,
            product: product.to_owned(),
            validate: Vec::new(),
            heartbeat: Vec::new(),
            verify: Vec::new(),
            reactivate: Vec::new(),
            deactivate: Vec::new(),
            list_machines: Vec::new(),
            authorize: Vec::new(),
            growing: Vec::new(),
            spent: AtomicUsize::new(0),
        };
        for license in licenses {
            supply.prepare(license);
        }
        // The first machine of every license goes before the second of one.
        for machine in 0..ATTEMPTS_PER_LICENSE {
            if scenario.sends(Operation::Deactivate) {
                let machines = licenses
                    .iter()
                    .filter_map(|license| Some((license, license.machines.get(machine)?)));
                supply.deactivate.extend(machines.map(|(License { key, .. }, machine)| {
                    let body = json!({"licenseKey": key, "machineFingerprint": machine.fingerprint});
                    PreparedRequest::new(key, supply.target.post("deactivate", &body))
                }));
            }
        }
        supply
    }

    /// Write out what is sent for one license over and over.
    fn prepare(&mut self, License { key, kind, machines }: &License) {
        let sends = |operation| self.scenario.sends(operation);
        if let Some(Machine { fingerprint, token }) = machines.first() {
            let session = json!({"licenseKey": key, "machineFingerprint": fingerprint, "token": token});
            let of_session = |endpoint| PreparedRequest::new(key, self.target.post(endpoint, &session));
            if *kind == Kind::Floating {
                self.heartbeat.push(of_session("heartbeat"));
                return;
            }
            if sends(Operation::Validate) {
                self.validate.push(of_session("validate"));
            }
            if sends(Operation::ListMachines) {
                self.list_machines.push(of_session("listMachines"));
            }
            if sends(Operation::Authorize) {
                let number = self.authorize.len();
                let asked = authorize(&self.target, &self.product, key, fingerprint, number);
                self.authorize.push(PreparedRequest::new(key, asked));
            }
            if sends(Operation::Reactivate) {
                let again = activate(&self.target, &self.product, key, fingerprint);
                self.reactivate.push(PreparedRequest::new(key, again));
            }
        }
        if sends(Operation::Verify) {
            let body = json!({"licenseKey": key, "productId": self.product});
            self.verify
                .push(PreparedRequest::new(key, self.target.post("verify", &body)));
        }
        if sends(Operation::Activate) || sends(Operation::AuthorizeNew) {
            self.growing.push(key.clone());
        }
    }

    /// The next of the run's activations, until all licenses have had theirs. Every license has its turn before one
    /// has its second.
    fn next_activation(&self) -> Option<usize> {
        let number = self.spent.fetch_add(1, Ordering::Relaxed);
        let licenses = self.growing.len() + self.reactivate.len();
        (number < licenses * self.scenario.attempts_left()).then_some(number)
    }

    fn a_new_machine(&self, operation: Operation) -> Option<Next<'_>> {
        let number = self.next_activation()?;
        let license = number % self.growing.len();
        // Machine 0 is the set-up's.
        let machine = 1 + number / self.growing.len();
        let license_key = self.growing.get(license)?;
        let new = fingerprint(license, machine);
        let request = if operation == Operation::AuthorizeNew {
            authorize(&self.target, &self.product, license_key, &new, license)
        } else {
            activate(&self.target, &self.product, license_key, &new)
        };
        Some(Next {
            request: Cow::Owned(request),
            license_key,
        })
    }

    fn activate_a_known_machine(&self) -> Option<Next<'_>> {
        let number = self.next_activation()?;
        self.reactivate
            .get(number % self.reactivate.len())
            .map(PreparedRequest::next)
    }

    fn deactivate_a_machine(&self) -> Option<Next<'_>> {
        let number = self.spent.fetch_add(1, Ordering::Relaxed);
        self.deactivate.get(number).map(PreparedRequest::next)
    }
}

impl PreparedRequest {
    fn new(license_key: &str, request: Vec<u8>) -> Self {
        Self {
            license_key: license_key.to_owned(),
            request,
        }
    }

    fn next(&self) -> Next<'_> {
        Next {
            request: Cow::Borrowed(&self.request),
            license_key: &self.license_key,
        }
    }
}

/// A complete `POST /activate`.
pub fn activate(target: &Target, product: &str, license_key: &str, fingerprint: &str) -> Vec<u8> {
    let body = json!({
        "licenseKey": license_key,
        "machineFingerprint": fingerprint,
        "hostname": "load",
        "productId": product,
    });
    target.post("activate", &body)
}

/// A complete `POST /v1/licenses/authorize`, with the API key of the target, from an address that is this license's: each address
/// has a limit of its own.
fn authorize(target: &Target, product: &str, license_key: &str, fingerprint: &str, license: usize) -> Vec<u8> {
    let body = json!({ "productId": product, "licenseKey": license_key, "hwid": fingerprint });
    let (high, middle, low) = (license >> 16 & 255, license >> 8 & 255, license & 255);
    let key = target.product_key();
    let headers = format!("Authorization: Bearer {key}\r\nX-Forwarded-For: 10.{high}.{middle}.{low}");
    target.post_with("v1/licenses/authorize", &headers, &body)
}

/// One caller's way through the supply.
#[derive(Debug)]
pub struct Caller<'a> {
    supply: &'a Supply,
    step: usize,
    validate: Round<'a>,
    heartbeat: Round<'a>,
    verify: Round<'a>,
    list_machines: Round<'a>,
    authorize: Round<'a>,
}

/// One operation's licenses, around and around.
#[derive(Debug)]
struct Round<'a> {
    prepared: &'a [PreparedRequest],
    turn: usize,
}

impl<'a> Caller<'a> {
    /// Caller `number` of `callers`. They begin at steps and licenses far from each other.
    pub fn new(supply: &'a Supply, number: usize, callers: usize) -> Self {
        let round = |prepared: &'a [PreparedRequest]| Round {
            prepared,
            turn: prepared.len() * number / callers,
        };
        Self {
            supply,
            step: 100 * number / callers,
            validate: round(&supply.validate),
            heartbeat: round(&supply.heartbeat),
            verify: round(&supply.verify),
            list_machines: round(&supply.list_machines),
            authorize: round(&supply.authorize),
        }
    }

    /// The request to send now, or `None` when those that run out are used up.
    pub fn next_request(&mut self) -> Option<Next<'a>> {
        let operation = self.supply.scenario.operation(self.step);
        self.step += 1;
        match operation {
            Operation::Validate => self.validate.next(),
            Operation::Heartbeat => self.heartbeat.next(),
            Operation::Verify => self.verify.next(),
            Operation::ListMachines => self.list_machines.next(),
            Operation::Authorize => self.authorize.next(),
            Operation::Activate | Operation::AuthorizeNew => self.supply.a_new_machine(operation),
            Operation::Reactivate => self.supply.activate_a_known_machine(),
            Operation::Deactivate => self.supply.deactivate_a_machine(),
        }
    }
}

impl<'a> Round<'a> {
    fn next(&mut self) -> Option<Next<'a>> {
        let prepared = self.prepared.get(self.turn.checked_rem(self.prepared.len())?)?;
        self.turn += 1;
        Some(prepared.next())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::TcpListener};

    use super::*;

    fn supply(scenario: Scenario, licenses: usize) -> Supply {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let licenses: Vec<_> = (0..licenses)
            .map(|index| License {
                key: format!("key-{index}"),
                kind: scenario.kind(index),
                machines: (0..scenario.machines())
                    .map(|machine| Machine {
                        fingerprint: fingerprint(index, machine),
                        token: "token".to_owned(),
                    })
                    .collect(),
            })
            .collect();
        Supply::new(Target::find(&url).expect("the listener"), scenario, "load", &licenses)
    }

    fn requests(supply: &Supply, count: usize) -> Vec<String> {
        let mut caller = Caller::new(supply, 0, 1);
        std::iter::from_fn(|| caller.next_request())
            .take(count)
            .map(|next| String::from_utf8(next.request.into_owned()).expect("text"))
            .collect()
    }

    #[test]
    fn every_license_has_its_turn() {
        let supply = supply(Scenario::Validate, 7);
        let mut caller = Caller::new(&supply, 1, 2);
        let keys: Vec<_> = std::iter::from_fn(|| caller.next_request())
            .take(8)
            .map(|next| next.license_key)
            .collect();
        assert_eq!(
            keys,
            ["key-3", "key-4", "key-5", "key-6", "key-0", "key-1", "key-2", "key-3"]
        );
    }

    #[test]
    fn mixed_calls_every_license_it_has() {
        let supply = supply(Scenario::Mixed, 100);
        let mut caller = Caller::new(&supply, 0, 1);
        let keys: BTreeSet<_> = std::iter::from_fn(|| caller.next_request())
            .take(200)
            .map(|next| next.license_key)
            .collect();
        assert_eq!(keys.len(), 100);
    }

    #[test]
    fn no_license_is_activated_more_often_than_the_service_allows() {
        for scenario in [Scenario::Activate, Scenario::Reactivate, Scenario::AuthorizeNew] {
            let supply = supply(scenario, 3);
            let sent = requests(&supply, usize::MAX);
            let of_the_set_up = 3 * scenario.machines();
            assert_eq!(sent.len() + of_the_set_up, 3 * ATTEMPTS_PER_LICENSE, "{scenario:?}");
        }
    }

    #[test]
    fn a_new_machine_is_a_new_machine() {
        let supply = supply(Scenario::Activate, 3);
        let sent = requests(&supply, usize::MAX);
        assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len());
        let of_the_set_up = fingerprint(0, 0);
        assert!(sent.iter().all(|request| !request.contains(&of_the_set_up)));
    }

    #[test]
    fn every_machine_is_deactivated_once() {
        let supply = supply(Scenario::Deactivate, 3);
        let sent = requests(&supply, usize::MAX);
        assert_eq!(sent.len(), 3 * ATTEMPTS_PER_LICENSE);
        assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len());
        let first: Vec<bool> = (0..3)
            .map(|license| sent[license].contains(&fingerprint(license, 0)))
            .collect();
        assert_eq!(first, [true; 3]);
    }
}
