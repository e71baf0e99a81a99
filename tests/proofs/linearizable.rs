//! A model checker: whatever machines and a vendor ask for at once, and whatever befalls the calls of DynamoDB, some
//! order of what was asked for explains every answer and what the tables hold in the end.
//!
//! A history is a few batches. In a batch, clients ask for one thing after the other, all clients at once; calls fail, time
//! passes, and the process may crash. After each batch, [`explained`] searches for an order of the steps of
//! [`crate::model`] that gives each client the answer that it got and ends with the tables as they are. A client that
//! got an answer before another one asked comes before it.
//!
//! A history that can't be explained is shrunk to the smallest that can't. `PROPTEST_CASES=34000` runs a hundred thousand.

use std::{
    cell::Cell,
    collections::HashSet,
    fmt::{self, Write as _},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex},
    time::Duration,
};

use keystead_core::{
    Timestamp,
    event::EventType,
    license::{
        activation::SESSION_TIMEOUT,
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
};
use keystead_tests::{Answer, Fault, TestApp, TestLicense};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    test_runner::{TestCaseError, TestError, TestRunner},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    model::{Change, Model, Request, Rules, Seen},
    properties::{cases, limit},
};

const MACHINES: usize = 4;

/// What a client does.
#[derive(Clone, Debug)]
enum Act {
    Activate(usize),
    Validate(usize),
    Heartbeat(usize),
    Deactivate(usize),
    Move {
        to: usize,
        from: usize,
    },
    List(usize),
    Verify,
    Reset,
    Type(LicenseType),
    Max(SeatLimit),
    Concurrent(Option<SeatLimit>),
    /// So long from now, or a moment ago, or never.
    Expiry(Option<Duration>),
    Status(LicenseStatus),
    /// Time goes by.
    Pass(Duration),
}

/// What happens at once, and what befalls the calls of DynamoDB meanwhile, in turn.
#[derive(Clone, Debug)]
struct Batch {
    clients: Vec<Vec<Act>>,
    faults: Vec<Fault>,
}

#[derive(Clone, Debug)]
struct History {
    seed: u64,
    max: SeatLimit,
    batches: Vec<Batch>,
}

fn act(license_type: LicenseType) -> impl Strategy<Value = Act> {
    let machine = || 0..MACHINES;
    let pass = [
        SESSION_TIMEOUT,
        SESSION_TIMEOUT / 2,
        SESSION_TIMEOUT - Duration::from_millis(1),
        Duration::from_secs(60 * 60),
    ];
    let expiry = select(vec![None, Some(Duration::ZERO), Some(SESSION_TIMEOUT / 3)]);
    // Two in three changes of the type change nothing, or make it what it was at first.
    let types = select(vec![
        license_type,
        license_type,
        LicenseType::Floating,
        LicenseType::PerMachine,
    ]);
    let statuses = vec![
        LicenseStatus::Active,
        LicenseStatus::Active,
        LicenseStatus::Suspended,
        LicenseStatus::Revoked,
    ];
    prop_oneof![
        12 => machine().prop_map(Act::Activate),
        5 => machine().prop_map(Act::Validate),
        6 => machine().prop_map(Act::Heartbeat),
        6 => machine().prop_map(Act::Deactivate),
        4 => (machine(), machine()).prop_map(|(to, from)| Act::Move { to, from }),
        2 => machine().prop_map(Act::List),
        1 => Just(Act::Verify),
        2 => Just(Act::Reset),
        1 => types.prop_map(Act::Type),
        2 => limit().prop_map(Act::Max),
        1 => option::of(limit()).prop_map(Act::Concurrent),
        1 => expiry.prop_map(Act::Expiry),
        3 => select(statuses).prop_map(Act::Status),
        6 => select(pass.to_vec()).prop_map(Act::Pass),
    ]
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let none = || Just(Fault::None);
    let passing = vec![
        Fault::Throttled,
        Fault::ServerError,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::LostAfter,
        Fault::Conflict,
        Fault::Conflict,
    ];
    let fault = prop_oneof![12 => none(), 5 => select(passing), 1 => Just(Fault::Garbled)];
    let crash = select(vec![Fault::CrashBefore, Fault::CrashAfter]);
    let crashes = (vec(none(), 0..12), crash).prop_map(|(mut faults, crash)| {
        faults.push(crash);
        faults
    });
    let lasting =
        (vec(none(), 0..8), select(vec![Fault::ServerError, Fault::LostAfter])).prop_map(|(mut faults, fault)| {
            faults.extend([fault; 6]);
            faults
        });
    prop_oneof![4 => Just(Vec::new()), 6 => vec(fault, 1..14), 1 => crashes, 1 => lasting]
}

fn history(license_type: LicenseType) -> impl Strategy<Value = History> {
    let clients = vec(vec(act(license_type), 1..3), 1..5);
    let batch = (clients, faults()).prop_map(|(clients, faults)| Batch { clients, faults });
    (any::<u64>(), limit(), vec(batch, 1..7)).prop_map(|(seed, max, batches)| History { seed, max, batches })
}

/// What a client asked for, and what came of it.
#[derive(Clone, Debug)]
struct Record {
    request: Request,
    /// When it was asked and answered, as the batch counts such moments. Without an answer: the process died.
    asked: usize,
    answered: usize,
    answer: Option<(u16, Value)>,
    /// What the clock showed meanwhile.
    times: Vec<Timestamp>,
}

impl Record {
    /// Whether it may have stopped anywhere on its way.
    fn is_cut_short(&self) -> bool {
        self.answer.as_ref().is_none_or(|(status, _)| *status == 500)
    }

    /// Whether the model's answer is what was answered, as far as the model says.
    fn is_answered_by(&self, (status, fields): &(u16, Value)) -> bool {
        let Some((answered, body)) = &self.answer else {
            return true;
        };
        let fields = fields.as_object().expect("fields");
        answered == status && fields.iter().all(|(name, value)| body[name] == *value)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:>2}..{:<2} {:?} -> ", self.asked, self.answered, self.request)?;
        match &self.answer {
            None => f.write_str("the process died"),
            Some((status, body)) => {
                let shown = [
                    "error",
                    "machinesUsed",
                    "sessionExpiresAt",
                    "deletedCount",
                    "machines",
                    "status",
                ];
                let shown = shown.iter().filter(|name| !body[**name].is_null());
                let fields: Vec<String> = shown.map(|name| format!("{name}: {}", body[*name])).collect();
                write!(f, "{status} {}", fields.join(", "))
            }
        }
    }
}

/// How many states the first search looks at before it begins anew, another way: those of an ordinary batch are a few
/// hundred. Every eight searches, they are twice as many.
const FEW_STATES: usize = 10_000;
const SEARCHES: u64 = 64;

/// What came of a search.
enum Search {
    Found,
    /// There is no such order.
    Exhausted,
    /// There are too many to have tried them all.
    GivenUp,
}

/// Whether some order of the steps of what was asked for leads from one state of the license to the other, with the
/// answers that were given. The error says that there were too many orders to try.
///
/// An order that explains a batch is seldom the only one, and one wrong step may lead to millions of states. So it is
/// searched for by chance, over and over.
fn explained(before: &Model, records: &[Record], after: &Model, resends: bool) -> Result<bool, String> {
    for attempt in 0..SEARCHES {
        let mut chance = fastrand::Rng::with_seed(attempt);
        match search(
            before,
            records,
            after,
            resends,
            FEW_STATES << (attempt / 8),
            &mut chance,
            attempt % 2 == 0,
        ) {
            Search::Found => return Ok(true),
            Search::Exhausted => return Ok(false),
            Search::GivenUp => {}
        }
    }
    Err(format!("{SEARCHES} searches found no order that does"))
}

fn search(
    before: &Model,
    records: &[Record],
    after: &Model,
    resends: bool,
    most: usize,
    chance: &mut fastrand::Rng,
    prefers_sessions: bool,
) -> Search {
    let mut next = vec![(before.clone(), vec![Seen::default(); records.len()])];
    let mut visited = HashSet::new();
    while let Some((model, seen)) = next.pop() {
        let has_ended = |i: usize| seen[i].answer.is_some();
        if model == *after && (0..records.len()).all(|i| has_ended(i) || records[i].is_cut_short()) {
            return Search::Found;
        }
        // What was told stays told.
        let tells_more = model.told.0 > after.told.0 || model.told.1 > after.told.1;
        if tells_more || !visited.insert(digest(&model, &seen)) {
            continue;
        }
        if visited.len() > most {
            return Search::GivenUp;
        }
        let first = next.len();
        for (i, record) in records.iter().enumerate() {
            let is_over = |j: usize| records[j].answered < record.asked;
            let waits = (0..records.len()).any(|j| is_over(j) && !has_ended(j) && !records[j].is_cut_short());
            let has_begun = |j: usize| seen[j] != Seen::default();
            let is_late = (0..records.len()).any(|j| record.answered < records[j].asked && has_begun(j));
            if has_ended(i) || waits || is_late {
                continue;
            }
            for now in &record.times {
                for (step, model) in record.request.steps(&seen[i], &model, record.times[0], *now, resends) {
                    let fits = |answer| record.is_cut_short() || record.is_answered_by(answer);
                    if step.answer.as_ref().is_none_or(fits) {
                        let mut seen = seen.clone();
                        seen[i] = step;
                        next.push((model, seen));
                    }
                }
            }
        }
        chance.shuffle(&mut next[first..]);
        if prefers_sessions {
            // What ends a session is tried when nothing else is left: where seats are few, it seldom leads anywhere.
            let sessions = model.sessions();
            next[first..].sort_by_key(|(after, _)| after.sessions() >= sessions);
        }
    }
    Search::Exhausted
}

/// What tells one state of a search from the others, in a few bytes: there are millions of them.
fn digest(model: &Model, seen: &[Seen]) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{model:?}{seen:?}").hash(&mut hasher);
    hasher.finish()
}

/// A service with one license, and the clients that ask it.
#[derive(Clone)]
struct World {
    app: TestApp,
    license: TestLicense,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The last token of each machine, and when it expires.
    tokens: [Option<(String, Timestamp)>; MACHINES],
    /// How many moments of the batch have gone by, and what the clock showed from which on.
    moment: usize,
    clock: Vec<(usize, Timestamp)>,
    records: Vec<Record>,
}

impl World {
    /// The next moment of the batch.
    fn moment(&self) -> usize {
        let mut state = self.state.lock().expect("a lock");
        state.moment += 1;
        state.moment
    }

    async fn perform(&self, act: Act) {
        let machine = |i: usize| self.app.machine(&i.to_string());
        let key = || json!({ "licenseKey": self.license.key });
        let update = async |request: Change, field: &str, value: Value| {
            let mut body = key();
            body[field] = value;
            self.ask(Request::Change(request), async {
                self.app.admin().post("/updateLicense", body).await
            })
            .await;
        };
        match act {
            Act::Pass(time) => {
                self.app.advance(time);
                let now = (self.moment(), self.app.now());
                self.state.lock().expect("a lock").clock.push(now);
            }
            Act::Activate(i) => {
                self.ask(Request::Activate(i), async { machine(i).activate(&self.license).await })
                    .await;
            }
            Act::Validate(i) => {
                let (token, expiry) = self.state.lock().expect("a lock").tokens[i].clone().unzip();
                let validate = async {
                    let shown = json!({ "token": token });
                    machine(i).validate_with(&self.license, shown).await.0
                };
                self.ask(Request::Validate(i, expiry), validate).await;
            }
            Act::Heartbeat(i) => {
                self.ask(Request::Heartbeat(i), async {
                    machine(i).heartbeat(&self.license).await
                })
                .await;
            }
            Act::Deactivate(i) => {
                self.ask(Request::Deactivate(i), async {
                    machine(i).deactivate(&self.license).await
                })
                .await;
            }
            Act::Move { to, from } => {
                let release = machine(from).fingerprint;
                let move_license = async { machine(to).move_license(&self.license, &release).await };
                self.ask(Request::Move { to, from }, move_license).await;
            }
            Act::List(i) => {
                self.ask(Request::List(i), async {
                    machine(i).list_machines(&self.license).await
                })
                .await;
            }
            Act::Verify => {
                let body = json!({ "licenseKey": self.license.key, "productId": keystead_tests::PRODUCT });
                self.ask(Request::Verify, async {
                    self.app.stranger().post("/verify", body).await
                })
                .await;
            }
            Act::Reset => {
                let reset = async { self.app.admin().post("/resetActivations", key()).await };
                self.ask(Request::Reset, reset).await;
            }
            Act::Status(status) => {
                let change = Change::Status(status);
                match status {
                    LicenseStatus::Active => {
                        let reinstate = async { self.app.admin().post("/reinstateLicense", key()).await };
                        self.ask(Request::Change(change), reinstate).await;
                    }
                    LicenseStatus::Revoked => {
                        let revoke = async { self.app.admin().post("/revokeLicense", key()).await };
                        self.ask(Request::Change(change), revoke).await;
                    }
                    LicenseStatus::Suspended | LicenseStatus::Degraded => {
                        update(change, "status", json!(status.as_str())).await;
                    }
                }
            }
            Act::Type(to) => update(Change::Type(to), "licenseType", json!(to.as_str())).await,
            Act::Max(max) => update(Change::Max(max), "maxMachines", json!(max.number())).await,
            Act::Concurrent(max) => {
                let number = max.map(SeatLimit::number);
                update(Change::Concurrent(max), "maxConcurrent", json!(number)).await;
            }
            Act::Expiry(after) => {
                let at = after.map(|after| self.app.now() + after);
                update(Change::Expiry(at), "expiresAt", json!(at.map(|at| at.to_string()))).await;
            }
        }
    }

    /// Asks, and notes when and what came of it.
    async fn ask(&self, request: Request, answer: impl Future<Output = Answer>) {
        let machine = match &request {
            Request::Activate(i) | Request::Validate(i, _) | Request::Move { to: i, .. } => Some(*i),
            Request::Heartbeat(_)
            | Request::Deactivate(_)
            | Request::List(_)
            | Request::Verify
            | Request::Reset
            | Request::Change(_) => None,
        };
        let record = Record {
            request,
            asked: self.moment(),
            answered: usize::MAX,
            answer: None,
            times: Vec::new(),
        };
        let number = {
            let mut state = self.state.lock().expect("a lock");
            state.records.push(record);
            state.records.len() - 1
        };
        let answer = answer.await;
        let moment = self.moment();
        let mut state = self.state.lock().expect("a lock");
        if let (Some(machine), Some(token)) = (machine, answer.body["token"].as_str()) {
            let expiry = answer.body["expiresAt"].as_str().and_then(Timestamp::parse);
            state.tokens[machine] = Some((token.to_owned(), expiry.expect("a time")));
        }
        let mut body = answer.body.clone();
        if let Some(machines) = body.get_mut("machines").and_then(Value::as_array_mut) {
            for machine in &mut *machines {
                *machine = json!([machine["hostname"], machine["current"], machine["sessionActive"]]);
            }
            machines.sort_by_key(ToString::to_string);
        }
        state.records[number].answered = moment;
        state.records[number].answer = Some((answer.status, body));
    }

    /// The license as the tables have it.
    async fn model(&self) -> Result<Model, String> {
        let license = self.app.stored(&self.license).await;
        let activations = self.app.cx.store.activation_list(&license.license_key, None).await;
        let events = self.app.cx.store.event_list(&license).await.expect("a read");
        let told = |of: EventType| events.iter().filter(|event| event.r#type == of).count();
        let number = |fingerprint: &str| {
            let digits = fingerprint.rsplit('-').next().and_then(|digits| digits.parse().ok());
            digits.expect("the fingerprint of a machine")
        };
        let (activations, _) = activations.expect("a read");
        let machines = activations
            .iter()
            .map(|a| (number(a.fingerprint.as_str()), a.lease_until));
        let model = Model {
            rules: Rules {
                license_type: license.seats.license_type,
                status: license.standing.status,
                max: license.seats.max_machines,
                concurrent: license.seats.max_concurrent,
                expires: license.expires_at(),
                moves: license.seats.moves.len(),
            },
            machines: machines.collect(),
            told: (told(EventType::Activated), told(EventType::Deactivated)),
        };
        let (used, open) = (license.seats.machines_used, license.seats.sessions_open);
        if (usize::try_from(used), usize::try_from(open)) != (Ok(model.machines.len()), Ok(model.sessions())) {
            return Err(format!(
                "The counters say {used} machines and {open} sessions: {model:#?}"
            ));
        }
        Ok(model)
    }

    /// Runs a batch. Answers what was asked and what came of it, and the license before and after.
    async fn run(&mut self, batch: &Batch) -> Result<(Model, Vec<Record>, Model), String> {
        let before = self.model().await?;
        {
            let mut state = self.state.lock().expect("a lock");
            state.moment = 0;
            state.records.clear();
            state.clock = vec![(0, self.app.now())];
        }
        self.app.faults.inject(batch.faults.iter().copied());
        let clients = async {
            let mut clients = JoinSet::new();
            for acts in batch.clients.clone() {
                let world = self.clone();
                clients.spawn(async move {
                    for act in acts {
                        world.perform(act).await;
                    }
                });
            }
            clients.join_all().await;
        };
        let survived = self.app.faults.until_crash(clients).await;
        self.app.faults.inject([]);
        if survived.is_none() {
            self.app = self.app.restarted().await;
            self.app.faults.without_rate_limit();
        }
        let mut records = self.state.lock().expect("a lock").records.clone();
        let clock = self.state.lock().expect("a lock").clock.clone();
        for record in &mut records {
            let showed = clock.iter().enumerate().filter(|(i, (since, _))| {
                let until = clock.get(i + 1).map_or(usize::MAX, |(next, _)| *next);
                *since <= record.answered && record.asked <= until
            });
            record.times = showed.map(|(_, (_, time))| *time).collect();
        }
        Ok((before, records, self.model().await?))
    }
}

/// Whether so much befell the calls that a request may have failed: the SDK sends a call four times.
fn may_fail(faults: &[Fault]) -> bool {
    let failures = faults.iter().filter(|fault| match fault {
        Fault::Throttled | Fault::ServerError | Fault::LostBefore | Fault::LostAfter => true,
        Fault::None | Fault::Silence | Fault::Conflict | Fault::Garbled | Fault::CrashBefore | Fault::CrashAfter => {
            false
        }
    });
    faults.contains(&Fault::Garbled) || failures.count() >= 4
}

/// Whether a reply is lost of a call that took effect. The SDK sends the call again.
fn loses_replies(faults: &[Fault]) -> bool {
    faults
        .iter()
        .any(|fault| matches!(fault, Fault::LostAfter | Fault::Garbled))
}

/// Runs a history. The error says what can't be explained.
async fn check(history: &History, license_type: LicenseType) -> Result<(), String> {
    // The SDK's waits are part chance.
    fastrand::seed(history.seed);
    let app = TestApp::start().await;
    app.faults.without_rate_limit();
    app.faults.seed(history.seed);
    let license = app
        .license()
        .with("licenseType", license_type.as_str())
        .max_machines(history.max.number())
        .create()
        .await;
    let mut world = World {
        app,
        license,
        state: Arc::default(),
    };
    for (i, batch) in history.batches.iter().enumerate() {
        let (before, records, after) = world.run(batch).await?;
        let failed = |record: &&Record| record.answer.as_ref().is_some_and(|(status, _)| *status == 500);
        let failed = records.iter().find(failed).filter(|_| !may_fail(&batch.faults));
        let mut told = match failed {
            Some(_) => format!("A request failed in batch {i}, where nothing warranted it:\n"),
            None => match explained(&before, &records, &after, loses_replies(&batch.faults)) {
                Ok(true) => continue,
                Ok(false) => format!("No order explains batch {i}:\n"),
                Err(many) => format!("Batch {i} was not searched through: {many}:\n"),
            },
        };
        for record in &records {
            let _ = writeln!(told, "{record}");
        }
        let _ = write!(told, "before: {before:?}\nafter:  {after:?}");
        return Err(told);
    }
    Ok(())
}

/// Checks as many histories as asked for, and shrinks the first that can't be explained.
fn check_all(license_type: LicenseType, few: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let mut runner = TestRunner::new(ProptestConfig {
        max_shrink_iters: 4000,
        ..cases(few)
    });
    let shrinks = Cell::new(false);
    let outcome = runner.run(&history(license_type), |history| {
        // Who waits how long after a collision is chance that no seed repeats. Of a history that is to be shrunk, several
        // interleavings are tried.
        let ways = if shrinks.get() { 10 } else { 1 };
        for way in 0..ways {
            let history = History {
                seed: history.seed.wrapping_add(way),
                ..history.clone()
            };
            if let Err(told) = runtime.block_on(check(&history, license_type)) {
                if !shrinks.replace(true) {
                    // To shrink it takes a while.
                    eprintln!("{told}\n{history:?}");
                }
                return Err(TestCaseError::fail(told));
            }
        }
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(told, history)) => panic!("{told}\nThe history: {history:#?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn every_history_of_a_license_per_machine_is_explained_by_some_order() {
    check_all(LicenseType::PerMachine, 700);
}

#[test]
fn every_history_of_a_floating_license_is_explained_by_some_order() {
    check_all(LicenseType::Floating, 1000);
}

#[test]
fn every_history_of_a_site_license_is_explained_by_some_order() {
    check_all(LicenseType::Site, 300);
}
