//! The set-up: licenses, and machines on each where the scenario needs some, made through the API.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    connection::{Connection, Target},
    scenario::{Kind, Scenario},
    supply::{License, Machine, activate, fingerprint},
};

/// How often the progress line is written anew.
const PROGRESS: Duration = Duration::from_millis(100);

/// What to create.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The server.
    pub target: &'a Target,
    /// The super admin's secret. It is in no error and no report.
    pub admin_secret: &'a str,
    /// Slug of the product, created unless it exists.
    pub product: &'a str,
    /// What the licenses are for.
    pub scenario: Scenario,
    /// How many licenses.
    pub licenses: usize,
    /// How many of them at a time.
    pub connections: usize,
}

impl Plan<'_> {
    /// Create an API key of the product, which is there.
    ///
    /// # Errors
    ///
    /// A sentence about why it failed.
    pub fn product_key(&self) -> Result<String, String> {
        Worker::start(self)?.create_product_key()
    }

    /// Create everything.
    ///
    /// # Errors
    ///
    /// A sentence about the first request that failed.
    pub fn carry_out(&self) -> Result<Vec<License>, String> {
        Worker::start(self)?.create_product()?;
        let workers = self.connections.min(self.licenses);
        let next = AtomicUsize::new(0);
        let licenses = Mutex::new(Vec::with_capacity(self.licenses));
        let work = || -> Result<(), String> {
            let mut worker = Worker::start(self)?;
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.licenses {
                    return Ok(());
                }
                let created = worker
                    .create(index)
                    .inspect_err(|_| next.store(self.licenses, Ordering::Relaxed))?;
                licenses.lock().unwrap_or_else(PoisonError::into_inner).push(created);
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            if io::stderr().is_terminal() {
                while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
                    show_progress(next.load(Ordering::Relaxed).min(self.licenses), self.licenses);
                    thread::sleep(PROGRESS);
                }
                wipe_progress();
            }
            workers.into_iter().try_for_each(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err("A thread of the set-up ended unexpectedly.".to_owned()))
            })
        })?;
        Ok(licenses.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Write the progress line over itself. A terminal that cannot be written to is no reason to stop.
fn show_progress(begun: usize, all: usize) {
    let _ = write!(io::stderr(), "\rset-up: {begun} of {all} licenses");
}

fn wipe_progress() {
    let _ = write!(io::stderr(), "\r\x1b[2K");
}

/// One connection of the set-up.
struct Worker<'a> {
    plan: &'a Plan<'a>,
    connection: Connection,
}

impl<'a> Worker<'a> {
    fn start(plan: &'a Plan<'a>) -> Result<Self, String> {
        let connection = Connection::open(plan.target).map_err(|error| format!("Cannot connect: {error}."))?;
        Ok(Self { plan, connection })
    }

    fn create_product(&mut self) -> Result<(), String> {
        let request = self.plan.target.post(
            "createProduct",
            &json!({
                "adminSecret": self.plan.admin_secret,
                "name": "Load",
                "slug": self.plan.product,
                "creatorId": "load",
            }),
        );
        match self.call("POST /createProduct", &request, self.plan.admin_secret) {
            // An earlier run made it.
            Err(Failure::Refused { status: 409, .. }) => Ok(()),
            Err(failure) => Err(failure.sentence()),
            Ok(_) => Ok(()),
        }
    }

    fn create_product_key(&mut self) -> Result<String, String> {
        let headers = format!("X-Admin-Token: {}", self.plan.admin_secret);
        let wanted = json!({ "productId": self.plan.product, "name": "Load" });
        let request = self.plan.target.post_with("v1/api-keys", &headers, &wanted);
        let reply = self
            .call("POST /v1/api-keys", &request, self.plan.admin_secret)
            .map_err(|failure| failure.sentence())?;
        text(&reply["data"], "key").ok_or_else(|| "POST /v1/api-keys gave no key.".to_owned())
    }

    fn create(&mut self, index: usize) -> Result<License, String> {
        let kind = self.plan.scenario.kind(index);
        let key = self.create_license(index, kind)?;
        let machines = (0..self.plan.scenario.machines())
            .map(|machine| self.activate(&key, fingerprint(index, machine)))
            .collect::<Result<_, _>>()?;
        Ok(License { key, kind, machines })
    }

    fn create_license(&mut self, index: usize, kind: Kind) -> Result<String, String> {
        let mut body = json!({
            "adminSecret": self.plan.admin_secret,
            // A customer each, as in life: one customer with thousands of licenses would be a hot spot of its own.
            "email": format!("load-{index}@example.com"),
            "productId": self.plan.product,
        });
        match kind {
            Kind::PerMachine => {}
            Kind::Unlimited => body["maxMachines"] = json!(-1),
            Kind::Floating => body["licenseType"] = json!("floating"),
        }
        let request = self.plan.target.post("createLicense", &body);
        let reply = self
            .call("POST /createLicense", &request, self.plan.admin_secret)
            .map_err(|failure| failure.sentence())?;
        text(&reply, "licenseKey").ok_or_else(|| "POST /createLicense gave no licenseKey.".to_owned())
    }

    fn activate(&mut self, license_key: &str, fingerprint: String) -> Result<Machine, String> {
        let request = activate(self.plan.target, self.plan.product, license_key, &fingerprint);
        let reply = self
            .call("POST /activate", &request, license_key)
            .map_err(|failure| failure.sentence())?;
        let token = text(&reply, "token").ok_or_else(|| "POST /activate gave no token.".to_owned())?;
        Ok(Machine { fingerprint, token })
    }

    /// Send a request and read its 2xx answer.
    fn call(&mut self, endpoint: &'static str, request: &[u8], secret: &str) -> Result<Value, Failure> {
        let unanswered = |problem: String| Failure::Unanswered { endpoint, problem };
        let reply = self
            .connection
            .exchange(request)
            .map_err(|error| unanswered(error.to_string()))?;
        let (status, closes) = (reply.status, reply.closes);
        let result = if reply.is_success() {
            serde_json::from_slice(reply.body).map_err(|_| unanswered("the answer is not JSON".to_owned()))
        } else {
            Err(Failure::Refused {
                endpoint,
                status,
                error: reply.error_text(secret),
            })
        };
        if closes {
            self.connection = Connection::open(self.plan.target).map_err(|error| unanswered(error.to_string()))?;
        }
        result
    }
}

/// A field of an answer. An empty one would be no use, so it counts as missing.
fn text(reply: &Value, field: &str) -> Option<String> {
    reply[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Why a request of the set-up failed.
enum Failure {
    /// The server answered with something else than 2xx.
    Refused {
        endpoint: &'static str,
        status: u16,
        error: String,
    },
    /// There was no answer, or none that can be read.
    Unanswered { endpoint: &'static str, problem: String },
}

impl Failure {
    fn sentence(&self) -> String {
        match self {
            Self::Refused {
                endpoint,
                status,
                error,
            } => {
                let error = error.strip_suffix('.').unwrap_or(error);
                let advice = if *status == 401 {
                    " Is the admin secret the server's?"
                } else {
                    ""
                };
                format!("The set-up failed: {endpoint} answered {status}, {error}.{advice}")
            }
            Self::Unanswered { endpoint, problem } => {
                format!("The set-up failed: {endpoint} had no answer: {problem}.")
            }
        }
    }
}
