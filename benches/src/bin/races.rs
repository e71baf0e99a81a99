//! `races`: many callers want the same thing of a running server in the same moment, over HTTP, thousands of times. Says
//! how often somebody got what was there no more.

use std::{collections::BTreeMap, process::ExitCode, sync::Barrier, thread, time::Instant};

use clap::Parser;
use keystead_benches::{
    connection::{Connection, Target},
    supply::{activate, fingerprint},
};
use keystead_core::clock::Clock;
use serde_json::{Value, json};

/// Race for the last seat, the last use of a code, one purchase and one named request.
///
/// In every race each caller has a connection and a thread of its own, and all of them send in the same moment. What they
/// make stays on the server, so point this at one whose data may be thrown away. A server that was started with
/// `--test-clock` is also asked to let an hour pass, after which lapsed floating sessions are raced for.
///
/// The exit code is 0 when nothing was given twice, nobody was answered otherwise than documented and all counters are
/// those of their items, and 1 if not.
#[derive(Parser)]
#[command(name = "races", version)]
struct Args {
    /// Base URL of the server, plain HTTP
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    url: String,

    /// Races of each kind
    #[arg(long, value_name = "COUNT", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    races: u32,

    /// Callers in each
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = clap::value_parser!(u16).range(2..=200))]
    callers: u16,

    /// The server's admin secret
    #[arg(long, value_name = "SECRET", env = "KEYSTEAD_ADMIN_SECRET", hide_env_values = true)]
    admin_secret: String,

    /// The server's webhook secret
    #[arg(long, value_name = "SECRET", env = "KEYSTEAD_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: String,

    /// The key of the server's test clock, as its start prints it
    #[arg(long, value_name = "KEY")]
    clock_key: Option<String>,
}

/// A key may be activated so often in an hour.
const ATTEMPTS: usize = 15;

const PRODUCT: &str = "races";

/// What came of the races of one kind.
#[derive(Default)]
struct Outcome {
    /// What there was to be had, and what was given.
    there: usize,
    given: usize,
    /// Races in which more was given than there was, or less.
    over: usize,
    under: usize,
    /// Races after which a counter is not that of its items.
    apart: usize,
    /// Answers that refused as documented, and those that did something else.
    refused: BTreeMap<(u16, String), usize>,
    other: BTreeMap<(u16, String), usize>,
}

impl Outcome {
    fn is_clean(&self) -> bool {
        self.over == 0 && self.under == 0 && self.apart == 0 && self.other.is_empty()
    }
}

/// An answer: its status and body.
type Answer = (u16, Value);

/// The server, and what this run's records are named after.
struct Races<'a> {
    target: &'a Target,
    args: &'a Args,
    run: i64,
}

impl Races<'_> {
    fn ask(&self, connection: &mut Connection, request: &[u8]) -> Result<Answer, String> {
        let reply = connection.exchange(request).map_err(|error| error.to_string())?;
        let body = serde_json::from_slice(reply.body).unwrap_or_default();
        Ok((reply.status, body))
    }

    fn open(&self) -> Result<Connection, String> {
        Connection::open(self.target).map_err(|error| format!("Cannot connect: {error}."))
    }

    /// As the super admin.
    fn admin(&self, endpoint: &str, mut body: Value) -> Result<Value, String> {
        body["adminSecret"] = json!(self.args.admin_secret);
        let (status, answer) = self.ask(&mut self.open()?, &self.target.post(endpoint, &body))?;
        let is_there = endpoint == "createProduct" && status == 409;
        if status == 200 || is_there {
            return Ok(answer);
        }
        Err(format!("/{endpoint} answered {status}: {}.", answer["error"]))
    }

    /// Runs the races of a kind. In each, `request` is what a caller sends; `there` is how many may be answered well, and
    /// `judge` adds what else is to be seen afterwards.
    fn run(
        &self,
        request: impl Fn(usize, usize) -> Vec<u8> + Sync,
        there: impl Fn(usize) -> usize,
        documented: &[(u16, &str)],
        is_given: impl Fn(&[Answer]) -> usize,
        is_apart: impl Fn(usize) -> Result<bool, String>,
    ) -> Result<Outcome, String> {
        let (races, callers) = (self.args.races as usize, usize::from(self.args.callers));
        let start = Barrier::new(callers);
        let caller = |number: usize| -> Result<Vec<Answer>, String> {
            let mut connection = self.open();
            let mut answers = Vec::with_capacity(races);
            for race in 0..races {
                let request = request(race, number);
                // Who can't call has to come to the start all the same, or the others wait for ever.
                start.wait();
                let answer = match &mut connection {
                    Ok(connection) => self.ask(connection, &request),
                    Err(error) => Err(error.clone()),
                };
                // No answer is an answer otherwise than documented.
                answers.push(answer.unwrap_or_else(|error| (0, json!({ "error": error }))));
            }
            Ok(answers)
        };
        let answers: Vec<Vec<Answer>> = thread::scope(|scope| {
            let caller = &caller;
            let callers: Vec<_> = (0..callers).map(|number| scope.spawn(move || caller(number))).collect();
            let join = |caller: thread::ScopedJoinHandle<'_, Result<Vec<Answer>, String>>| {
                caller
                    .join()
                    .unwrap_or_else(|_| Err("A caller's thread ended unexpectedly.".to_owned()))
            };
            callers.into_iter().map(join).collect::<Result<_, _>>()
        })?;
        let mut outcome = Outcome::default();
        for race in 0..races {
            let of_race: Vec<Answer> = answers.iter().map(|answers| answers[race].clone()).collect();
            let (there, given) = (there(race), is_given(&of_race));
            outcome.there += there;
            outcome.given += given;
            outcome.over += usize::from(given > there);
            outcome.under += usize::from(given < there);
            outcome.apart += usize::from(is_apart(race)?);
            for (status, body) in of_race.iter().filter(|(status, _)| *status != 200) {
                let error = body["error"].as_str().unwrap_or_default().to_owned();
                let is_documented = documented
                    .iter()
                    .any(|(code, begins)| code == status && error.starts_with(begins));
                let kind = if is_documented {
                    &mut outcome.refused
                } else {
                    &mut outcome.other
                };
                *kind.entry((*status, error)).or_default() += 1;
            }
        }
        Ok(outcome)
    }

    /// Licenses of one to ten seats, of a type.
    fn licenses(&self, license_type: &str) -> Result<Vec<(String, usize)>, String> {
        let make = |race: usize| {
            let seats = 1 + race % 10;
            let license = json!({
                "email": format!("{license_type}-{race}-{}@example.com", self.run),
                "productId": PRODUCT,
                "licenseType": license_type,
                "maxMachines": seats,
            });
            let made = self.admin("createLicense", license)?;
            let key = made["licenseKey"]
                .as_str()
                .ok_or("/createLicense gave no licenseKey.")?;
            Ok((key.to_owned(), seats))
        };
        (0..self.args.races as usize).map(make).collect()
    }

    /// As many machines as there are callers activate a license each of whose seats is free, the first of them named
    /// after `wave`.
    fn for_seats(&self, licenses: &[(String, usize)], floating: bool, wave: usize) -> Result<Outcome, String> {
        let callers = usize::from(self.args.callers);
        let documented = [
            (403, "Machine limit reached ("),
            (429, "Too many activation attempts. Try again later."),
        ];
        self.run(
            |race, caller| {
                let machine = fingerprint(race, wave * callers + caller);
                activate(self.target, PRODUCT, &licenses[race].0, &machine)
            },
            |race| licenses[race].1.min(ATTEMPTS).min(callers),
            &documented,
            |answers| answers.iter().filter(|(status, _)| *status == 200).count(),
            |race| {
                let (key, seats) = &licenses[race];
                let shown = self.admin("getLicense", json!({ "licenseKey": key }))?;
                let machines = shown["activations"].as_array().map(Vec::as_slice).unwrap_or_default();
                let sessions = machines
                    .iter()
                    .filter(|machine| machine["sessionActive"] == true)
                    .count();
                let in_use = if floating { sessions } else { machines.len() };
                Ok(shown["machinesUsed"] != machines.len() || in_use != *seats)
            },
        )
    }

    /// Customers redeem a code of one to ten uses.
    fn for_codes(&self) -> Result<Outcome, String> {
        let code = |race: usize| format!("RACE-{}-{race}", self.run);
        let uses = |race: usize| 1 + race % 10;
        for race in 0..self.args.races as usize {
            let made = json!({ "code": code(race), "productId": PRODUCT, "trialDays": 14, "maxUses": uses(race) });
            self.admin("createTrialCode", made)?;
        }
        let listed = std::cell::OnceCell::new();
        self.run(
            |race, caller| {
                let body = json!({
                    "adminSecret": self.args.admin_secret,
                    "code": code(race),
                    "email": format!("trial-{race}-{caller}-{}@example.com", self.run),
                });
                self.target.post("redeemTrialCode", &body)
            },
            |race| uses(race).min(usize::from(self.args.callers)),
            &[(403, "Trial code has reached its usage limit")],
            |answers| answers.iter().filter(|(status, _)| *status == 200).count(),
            |race| {
                if listed.get().is_none() {
                    let all = self.admin("listTrialCodes", json!({ "productId": PRODUCT }))?;
                    let codes = all["codes"].as_array().cloned().unwrap_or_default();
                    let used = codes.into_iter().filter_map(|code| {
                        let name = code["code"].as_str()?.to_owned();
                        Some((name, code["usedCount"].clone()))
                    });
                    // Nobody else sets it.
                    let _ = listed.set(used.collect::<BTreeMap<_, _>>());
                }
                let used = listed.get().and_then(|listed| listed.get(&code(race)));
                Ok(used != Some(&json!(uses(race).min(usize::from(self.args.callers)))))
            },
        )
    }

    /// One customer redeems one code many times at once, or a store tells of one purchase, or a script sends one named
    /// request: whatever `request` says. One license is made.
    fn for_one(
        &self,
        request: impl Fn(usize) -> Vec<u8> + Sync,
        email: &str,
        documented: &[(u16, &str)],
    ) -> Result<Outcome, String> {
        self.run(
            |race, _| request(race),
            |_| 1,
            documented,
            |answers| {
                let keys = answers.iter().filter_map(|(_, body)| body["licenseKey"].as_str());
                keys.collect::<std::collections::BTreeSet<_>>().len()
            },
            |race| {
                let wanted = json!({ "email": format!("{email}-{race}-{}@example.com", self.run) });
                Ok(self.admin("listLicenses", wanted)?["count"] != 1)
            },
        )
    }

    fn for_one_customer(&self) -> Result<Outcome, String> {
        let code = format!("ONCE-{}", self.run);
        self.admin(
            "createTrialCode",
            json!({ "code": code, "productId": PRODUCT, "trialDays": 14 }),
        )?;
        let request = |race: usize| {
            let email = format!("customer-{race}-{}@example.com", self.run);
            let body = json!({ "adminSecret": self.args.admin_secret, "code": code, "email": email });
            self.target.post("redeemTrialCode", &body)
        };
        self.for_one(request, "customer", &[(409, "Trial already redeemed for this email")])
    }

    fn for_purchases(&self) -> Result<Outcome, String> {
        let request = |race: usize| {
            let body = json!({
                "webhookSecret": self.args.webhook_secret,
                "type": "purchase.completed",
                "email": format!("buyer-{race}-{}@example.com", self.run),
                "productId": PRODUCT,
                "purchaseId": format!("purchase-{race}-{}", self.run),
            });
            self.target.post("cgloungeWebhook", &body)
        };
        self.for_one(request, "buyer", &[])
    }

    fn for_named_requests(&self) -> Result<Outcome, String> {
        let request = |race: usize| {
            let body = json!({
                "adminSecret": self.args.admin_secret,
                "email": format!("named-{race}-{}@example.com", self.run),
                "productId": PRODUCT,
            });
            let name = format!("Idempotency-Key: race-{race}-{}", self.run);
            self.target.post_with("createLicense", &name, &body)
        };
        let in_progress = "A request with this Idempotency-Key is in progress. Try again later.";
        self.for_one(request, "named", &[(409, in_progress)])
    }
}

fn main() -> ExitCode {
    match races(&Args::parse()) {
        Ok(clean) => ExitCode::from(u8::from(!clean)),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is as it should be.
fn races(args: &Args) -> Result<bool, String> {
    let target = Target::find(&args.url)?;
    let run = Clock::system().now().millis();
    let races = Races {
        target: &target,
        args,
        run,
    };
    let product = json!({ "name": "Races", "slug": PRODUCT, "creatorId": "races" });
    races.admin("createProduct", product)?;
    println!(
        "{:<46}{:>7}{:>8}{:>8}{:>6}{:>7}{:>7}{:>9}{:>7}{:>7}",
        "race", "races", "there", "given", "over", "under", "apart", "refused", "other", "s"
    );
    let mut clean = true;
    let mut show = |kind: &str, begun: Instant, outcome: &Outcome| {
        let count = |answers: &BTreeMap<_, usize>| answers.values().sum::<usize>();
        println!(
            "{kind:<46}{:>7}{:>8}{:>8}{:>6}{:>7}{:>7}{:>9}{:>7}{:>7.1}",
            args.races,
            outcome.there,
            outcome.given,
            outcome.over,
            outcome.under,
            outcome.apart,
            count(&outcome.refused),
            count(&outcome.other),
            begun.elapsed().as_secs_f64(),
        );
        for ((status, error), count) in &outcome.other {
            println!("  {count} x {status} {error}");
        }
        clean &= outcome.is_clean();
    };
    let slots = races.licenses("per-machine")?;
    let begun = Instant::now();
    show(
        "seats of licenses per machine",
        begun,
        &races.for_seats(&slots, false, 0)?,
    );
    let seats = races.licenses("floating")?;
    let begun = Instant::now();
    show("seats of floating licenses", begun, &races.for_seats(&seats, true, 0)?);
    let door = format!("_clock?key={}", args.clock_key.as_deref().unwrap_or_default());
    let clock = target.post(&door, &json!({ "advanceSeconds": 3601 }));
    if races.ask(&mut races.open()?, &clock)?.0 == 200 {
        let begun = Instant::now();
        show(
            "lapsed seats of floating licenses",
            begun,
            &races.for_seats(&seats, true, 1)?,
        );
    } else {
        println!(
            "lapsed seats of floating licenses: not raced for, the server has no --test-clock, or --clock-key is not its key"
        );
    }
    let begun = Instant::now();
    show("uses of trial codes", begun, &races.for_codes()?);
    let begun = Instant::now();
    show("one trial for a customer", begun, &races.for_one_customer()?);
    let begun = Instant::now();
    show("one license for a purchase", begun, &races.for_purchases()?);
    let begun = Instant::now();
    show(
        "one license for an Idempotency-Key",
        begun,
        &races.for_named_requests()?,
    );
    Ok(clean)
}
