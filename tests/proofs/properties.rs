//! Properties: whatever a few machines and a vendor do, in whatever order and however interleaved, the promises hold.
//!
//! `PROPTEST_CASES=1000` looks further.

use std::time::Duration;

use keystead_core::{
    Error, Timestamp,
    config::{Config, variable},
    error::{Denial, Resource, Throttle},
    license::{
        License,
        activation::{Activation, Admission, Api, Arrival, LAST_SEEN_PRECISION, SESSION_TIMEOUT},
        expiry::Expiry,
        key::{LicenseId, LicenseKey},
        lock::Lock,
        machine::{Country, Fingerprint, Hostname},
        moves::MovePolicy,
        reset::Resets,
        seats::{LicenseType, SeatLimit, Seats},
        standing::{LicenseStatus, Standing, StandingState, SuspendedBy, Suspension},
        watch::Watch,
    },
    owner::OwnerId,
    product::{ProductId, variant::VariantId},
    value::email::Email,
};
use keystead_tests::{Machine, TestApp, TestLicense};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::json;
use tokio::task::JoinSet;

/// How many cases a property is tried on that takes about a hundredth of a second.
pub(crate) fn cases(few: u32) -> ProptestConfig {
    ProptestConfig {
        cases: variable("PROPTEST_CASES")
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(few),
        // A case that fails belongs into a test of its own.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const MACHINES: usize = 5;

/// What someone does.
#[derive(Clone, Debug)]
enum Act {
    Activate(usize),
    Validate(usize),
    Heartbeat(usize),
    Deactivate(usize),
    /// To one machine from another.
    Move(usize, usize),
    Reset,
    Pass(Duration),
    SetLimit(SeatLimit),
    SetConcurrent(Option<SeatLimit>),
    SetType(LicenseType),
    SetStatus(LicenseStatus),
}

pub(crate) fn limit() -> impl Strategy<Value = SeatLimit> {
    prop_oneof![
        6 => (0..4_u32).prop_map(SeatLimit::Limited),
        1 => Just(SeatLimit::Unlimited),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let machine = || 0..MACHINES;
    prop_oneof![
        10 => machine().prop_map(Act::Activate),
        4 => machine().prop_map(Act::Validate),
        4 => machine().prop_map(Act::Heartbeat),
        4 => machine().prop_map(Act::Deactivate),
        2 => (machine(), machine()).prop_map(|(to, from)| Act::Move(to, from)),
        1 => Just(Act::Reset),
        4 => select(vec![SESSION_TIMEOUT, SESSION_TIMEOUT / 2, SESSION_TIMEOUT - Duration::from_millis(1)]).prop_map(Act::Pass),
        1 => limit().prop_map(Act::SetLimit),
        1 => option::of(limit()).prop_map(Act::SetConcurrent),
        1 => select(LicenseType::ALL).prop_map(Act::SetType),
        1 => select(LicenseStatus::ALL).prop_map(Act::SetStatus),
        // Mostly, the license works.
        1 => Just(Act::SetStatus(LicenseStatus::Active)),
    ]
}

/// How many machines, and sessions, a license may hold: those that it held already, or its limits.
#[derive(Clone, Copy)]
struct Bounds {
    machines: u64,
    sessions: u64,
}

impl Bounds {
    fn of(license: &License) -> Self {
        let number = |limit: SeatLimit| match limit {
            SeatLimit::Unlimited => u64::MAX,
            SeatLimit::Limited(limit) => u64::from(limit),
        };
        Self {
            machines: number(license.seats.machine_limit()),
            // A license that has no sessions opens none.
            sessions: license.seats.session_limit().map_or(0, number),
        }
    }

    fn held(license: &License) -> Self {
        Self {
            machines: license.seats.machines_used.into(),
            sessions: license.seats.sessions_open.into(),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            machines: self.machines.max(other.machines),
            sessions: self.sessions.max(other.sessions),
        }
    }
}

async fn perform(app: TestApp, license: TestLicense, machines: Vec<Machine>, act: Act) {
    let change = |change: fn(&mut License, &Act)| {
        let act = act.clone();
        let (app, license) = (app.clone(), license.clone());
        async move {
            license
                .change(&app, |license| {
                    let mut changed = license.clone();
                    change(&mut changed, &act);
                    changed
                })
                .await;
        }
    };
    let answer = match &act {
        Act::Activate(machine) => machines[*machine].activate(&license).await,
        Act::Validate(machine) => machines[*machine].validate(&license).await,
        Act::Heartbeat(machine) => machines[*machine].heartbeat(&license).await,
        Act::Deactivate(machine) => machines[*machine].deactivate(&license).await,
        Act::Move(to, from) => machines[*to].move_license(&license, &machines[*from].fingerprint).await,
        Act::Reset => {
            app.admin()
                .post("/resetActivations", json!({ "licenseKey": license.key }))
                .await
        }
        Act::Pass(time) => return app.advance(*time),
        Act::SetLimit(_) | Act::SetConcurrent(_) | Act::SetType(_) | Act::SetStatus(_) => {
            return change(|license, act| match act {
                Act::SetLimit(limit) => license.seats.max_machines = *limit,
                Act::SetConcurrent(limit) => license.seats.max_concurrent = *limit,
                Act::SetType(license_type) => license.seats.license_type = *license_type,
                Act::SetStatus(status) => license.standing.status = *status,
                Act::Activate(_)
                | Act::Validate(_)
                | Act::Heartbeat(_)
                | Act::Deactivate(_)
                | Act::Move(..)
                | Act::Reset
                | Act::Pass(_) => {}
            })
            .await;
        }
    };
    if answer.status == 429 {
        answer.expect_error(429, "Too many moves. Try again later.");
        return;
    }
    // A machine that never activated has no token to show.
    assert!(matches!(answer.status, 200 | 400 | 403 | 404), "{act:?}: {answer:?}");
}

/// The bounds while `acts` go on at once: the widest of any that may hold meanwhile.
fn bounds_during(license: &License, acts: &[Act]) -> Bounds {
    let mut states = vec![license.clone()];
    for act in acts {
        // Changes may come in any order, so each may meet the license in any state of the others.
        let more: Vec<License> = states
            .iter()
            .filter_map(|license| {
                let of = |change: &dyn Fn(&mut License)| {
                    let mut changed = license.clone();
                    change(&mut changed);
                    Some(changed)
                };
                match act {
                    Act::SetLimit(limit) => of(&|l| l.seats.max_machines = *limit),
                    Act::SetConcurrent(limit) => of(&|l| l.seats.max_concurrent = *limit),
                    Act::SetType(license_type) => of(&|l| l.seats.license_type = *license_type),
                    Act::Activate(_)
                    | Act::Validate(_)
                    | Act::Heartbeat(_)
                    | Act::Deactivate(_)
                    | Act::Move(..)
                    | Act::Reset
                    | Act::Pass(_)
                    | Act::SetStatus(_) => None,
                }
            })
            .collect();
        states.extend(more);
    }
    states.iter().map(Bounds::of).fold(Bounds::held(license), Bounds::or)
}

/// Asserts that the counters are those of the items, and within `bounds`.
async fn assert_within(app: &TestApp, license: &TestLicense, bounds: Bounds) -> License {
    let stored = app.stored(license).await;
    let activations = app
        .cx
        .store
        .activation_list(&stored.license_key, None)
        .await
        .expect("a read")
        .0;
    let in_session = activations
        .iter()
        .filter(|activation| activation.lease_until.is_some())
        .count();
    assert_eq!(usize::try_from(stored.seats.machines_used), Ok(activations.len()));
    assert_eq!(usize::try_from(stored.seats.sessions_open), Ok(in_session));
    let held = Bounds::held(&stored);
    assert!(
        held.machines <= bounds.machines,
        "{} machines of {}",
        held.machines,
        bounds.machines
    );
    assert!(
        held.sessions <= bounds.sessions,
        "{} sessions of {}",
        held.sessions,
        bounds.sessions
    );
    stored
}

/// Whether a machine that activates now, alone, is to be let in: said in other words than the code's.
async fn ought_to_be_let_in(app: &TestApp, license: &License, machine: &Machine) -> bool {
    let now = app.now();
    let works = matches!(license.standing.status, LicenseStatus::Active | LicenseStatus::Degraded);
    let activations = app
        .cx
        .store
        .activation_list(&license.license_key, None)
        .await
        .expect("a read")
        .0;
    let (own, others): (Vec<_>, Vec<_>) = activations
        .iter()
        .partition(|activation| activation.fingerprint.as_str() == machine.fingerprint);
    let free = |limit: SeatLimit, taken: usize| match limit {
        SeatLimit::Unlimited => true,
        SeatLimit::Limited(limit) => taken < usize::try_from(limit).expect("a small number"),
    };
    let fits = match license.seats.license_type {
        LicenseType::Site => true,
        LicenseType::PerMachine => !own.is_empty() || free(license.seats.max_machines, others.len()),
        LicenseType::Floating => {
            let alive = others
                .iter()
                .filter(|other| other.lease_until.is_some_and(|until| now < until));
            let holds = own.iter().any(|own| own.lease_until.is_some());
            holds
                || free(
                    license.seats.max_concurrent.unwrap_or(license.seats.max_machines),
                    alive.count(),
                )
        }
    };
    works && fits
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn the_promises_hold_whatever_happens(
        license_type in select(LicenseType::ALL),
        max in limit(),
        seed: u64,
        batches in vec(vec(act(), 1..7), 1..7),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let app = TestApp::start().await;
            app.faults.without_rate_limit();
            app.faults.seed(seed);
            let license = app
                .license()
                .with("licenseType", license_type.as_str())
                .max_machines(max.number())
                .create()
                .await;
            let machines: Vec<Machine> = (0..MACHINES).map(|i| app.machine(&i.to_string())).collect();
            let mut before = app.stored(&license).await;
            for acts in batches {
                let bounds = bounds_during(&before, &acts);
                if let [Act::Activate(machine)] = acts.as_slice() {
                    // Alone, it is not a matter of chance.
                    let machine = &machines[*machine];
                    let expected = ought_to_be_let_in(&app, &before, machine).await;
                    let answer = machine.activate(&license).await;
                    assert_eq!(answer.status == 200, expected, "{answer:?} of {before:?}");
                } else {
                    let mut at_once = JoinSet::new();
                    for act in acts {
                        at_once.spawn(perform(app.clone(), license.clone(), machines.clone(), act));
                    }
                    at_once.join_all().await;
                }
                before = assert_within(&app, &license, bounds).await;
            }
        });
    }
}

fn time() -> impl Strategy<Value = Timestamp> {
    // Around a few days, and to the millisecond.
    (0..10_000_000_000_i64).prop_map(|millis| Timestamp::from_millis(1_893_456_000_000 + millis))
}

fn parsed<T>(value: Option<T>) -> T {
    value.expect("it is well formed")
}

prop_compose! {
    fn suspension()(at in time(), by in select(SuspendedBy::ALL)) -> Suspension {
        Suspension { at, by, blocks_from: None }
    }
}

prop_compose! {
    fn license()(
        (license_type, status) in (select(LicenseType::ALL), select(LicenseStatus::ALL)),
        max_machines in limit(),
        max_concurrent in option::of(limit()),
        expires_at in option::of(time()),
        suspension in option::of(suspension()),
        unlocked in prop::bool::ANY,
        (machines_used, sessions_open) in (0..6_u32, 0..6_u32),
    ) -> License {
        License {
            license_key: parsed(LicenseKey::parse("key")),
            license_id: parsed(LicenseId::parse("id")),
            owner_id: parsed(OwnerId::parse("owner")),
            made_by: Api::Flat,
            email: parsed(Email::parse("a@example.com")),
            product_id: parsed(ProductId::parse("app")),
            variant: parsed(VariantId::parse("indie")),
            unlocked_products: if unlocked { vec![parsed(ProductId::parse("extra"))] } else { Vec::new() },
            created_at: Timestamp::from_millis(0),
            purchased_at: None,
            renewed_at: None,
            discount_code: None,
            purchase_id: None,
            bundle_id: None,
            subscription: None,
            standing: StandingState { status, suspension, ..StandingState::GOOD },
            expiry: Expiry::from(expires_at),
            first_used_at: None,
            seats: Seats { machines_used, sessions_open, ..Seats::new(license_type, max_machines, max_concurrent) },
            policy: None,
            resets: Resets::default(),
            account_id: None,
            end_user_id: None,
            lock: Lock::default(),
            watch: Watch::default(),
            validated_at: None,
            updated_at: None,
            denied_at: None,
            revision: 0,
        }
    }
}

fn arrival(now: Timestamp) -> Arrival {
    Arrival {
        fingerprint: parsed(Fingerprint::parse("machine")),
        via: Api::Flat,
        hostname: Hostname::parse("host"),
        country: None,
        token_expiry: None,
        now,
    }
}

prop_compose! {
    /// An activation, with a session or without.
    fn activation()(seen in time(), lease in option::of(time()), license in license()) -> Activation {
        Activation {
            lease_until: lease,
            session_started: lease.map(|_| seen),
            ..Activation::after(None, &license.license_key, &license.seats, &arrival(seen))
        }
    }
}

fn wanted_product() -> impl Strategy<Value = ProductId> {
    select(vec!["app", "extra", "other"]).prop_map(|id| parsed(ProductId::parse(id)))
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn nobody_new_is_admitted_beyond_a_limit(license in license(), activation in option::of(activation())) {
        let admission = license.admit(activation.as_ref());
        let full = |limit: SeatLimit, used: u32| limit.number() >= 0 && i64::from(used) >= limit.number();
        match license.seats.license_type {
            LicenseType::Site => prop_assert!(admission.is_ok()),
            LicenseType::PerMachine => match (activation, full(license.seats.max_machines, license.seats.machines_used)) {
                (Some(_), _) => prop_assert!(matches!(admission, Ok(Admission::Refresh))),
                (None, false) => prop_assert!(matches!(admission, Ok(Admission::NewMachine))),
                (None, true) => {
                    let told = matches!(admission, Err(Error::Full { of: Resource::Machine, limit }) if limit == license.seats.max_machines);
                    prop_assert!(told);
                }
            },
            LicenseType::Floating => {
                let cap = license.seats.max_concurrent.unwrap_or(license.seats.max_machines);
                let holds = activation.as_ref().is_some_and(|activation| activation.lease_until.is_some());
                match (activation, full(cap, license.seats.sessions_open)) {
                    _ if holds => prop_assert!(matches!(admission, Ok(Admission::Refresh))),
                    (Some(_), false) => prop_assert!(matches!(admission, Ok(Admission::OpenSession))),
                    (None, false) => prop_assert!(matches!(admission, Ok(Admission::NewMachine))),
                    (_, true) => {
                        let told = matches!(admission, Err(Error::Full { of: Resource::Session, limit }) if limit == cap);
                        prop_assert!(told);
                    }
                }
            }
        }
    }

    #[test]
    fn a_license_opens_only_when_nothing_stands_against_it(license in license(), product in wanted_product(), now in time()) {
        // In the contract's order.
        let wrong = match product.as_str() {
            "app" => false,
            "extra" => license.unlocked_products.is_empty(),
            _ => true,
        };
        let revoked = license.standing.status == LicenseStatus::Revoked;
        let expired = license.expires_at().is_some_and(|at| at <= now);
        let suspended = license.standing.status == LicenseStatus::Suspended;
        // A suspension by hand holds, whatever clock it is dated by.
        let in_grace = license.standing.suspension.is_some_and(|suspension| {
            suspension.by == SuspendedBy::Enforcement && now < suspension.at + Suspension::GRACE
        });
        match license.opens(&product, now) {
            Err(Error::Denied(Denial::WrongProduct)) => prop_assert!(wrong),
            Err(Error::Denied(Denial::Revoked)) => prop_assert!(!wrong && revoked),
            Err(Error::Denied(Denial::Expired)) => prop_assert!(!wrong && !revoked && expired),
            Err(Error::Denied(Denial::Suspended)) => prop_assert!(!wrong && !expired && suspended && !in_grace),
            Err(other) => prop_assert!(false, "{other:?}"),
            Ok(standing) => {
                prop_assert!(!wrong && !revoked && !expired && (!suspended || in_grace));
                let expected = match license.standing.status {
                    LicenseStatus::Active => Standing::Good,
                    LicenseStatus::Degraded => Standing::Flagged,
                    LicenseStatus::Suspended | LicenseStatus::Revoked => Standing::Ending,
                };
                prop_assert_eq!(standing, expected);
            }
        }
    }

    /// So a machine that is offline stops no later than one that is online.
    #[test]
    fn a_token_never_outlives_its_license(license in license(), now in time(), later in 0..40_u64) {
        let policy = Config::default().tokens;
        let expiry = license.token_expiry(now, &policy);
        prop_assert_eq!(expiry.millis() % 1000, 0);
        let short = license.standing.status == LicenseStatus::Degraded || license.seats.license_type == LicenseType::Floating;
        let life = if short { policy.short_life } else { policy.life };
        prop_assert!(expiry <= now + life);
        prop_assert!(license.expires_at().is_none_or(|end| expiry <= end));
        if license.standing(now).is_ok() {
            prop_assert!(expiry >= now.whole_seconds(), "it is stillborn");
            let then = now + Duration::from_secs(later * 24 * 60 * 60);
            if then < expiry {
                prop_assert!(license.standing(then).is_ok(), "it outlives the license");
            }
            let unlimited = license.expires_at().is_none() && license.standing.status != LicenseStatus::Suspended;
            if unlimited {
                prop_assert_eq!(expiry, (now + life).whole_seconds());
            }
        }
    }

    /// Asked for at any times, moves are made as often as there is room for them, and a refusal says when there is.
    #[test]
    fn a_license_is_moved_as_often_as_it_may_be_in_any_window(
        license in license(),
        mut times in vec(time(), 1..20),
        limit in 1..5_usize,
        hours in 1..100_u32,
    ) {
        let policy = MovePolicy { limit, window: Duration::from_secs(60 * 60) * hours };
        times.sort_unstable();
        let (mut license, mut made) = (license, Vec::<Timestamp>::new());
        for now in times {
            let counted = made.iter().filter(|moved| now.since(**moved) < policy.window).count();
            match license.may_move(now, &policy) {
                Ok(moves) => {
                    prop_assert!(counted < limit);
                    made.push(now);
                    prop_assert_eq!(&moves[..], &made[made.len() - counted - 1..]);
                    license.seats.moves = moves;
                }
                Err(Error::Throttled { by: Throttle::Moves, retry_at }) => {
                    prop_assert!(counted >= limit && retry_at > now);
                    prop_assert!(license.may_move(retry_at, &policy).is_ok());
                    prop_assert!(license.may_move(retry_at - Duration::from_millis(1), &policy).is_err());
                }
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn a_revocation_is_made_once_and_blocks_at_any_time(license in license(), now in time(), then in time()) {
        match license.revoke(None, now) {
            None => prop_assert_eq!(license.standing.status, LicenseStatus::Revoked),
            Some(revoked) => {
                prop_assert!(matches!(revoked.standing(then), Err(Error::Denied(Denial::Revoked))));
                prop_assert!(revoked.revoke(None, then).is_none());
                prop_assert_eq!(revoked.seats.machines_used, license.seats.machines_used);
            }
        }
    }

    /// An arrival that is not written down tells nothing new.
    #[test]
    fn what_is_not_written_is_not_lost(
        license in license(),
        known in activation(),
        now in time(),
        country in option::of(select(vec!["FR", "US"])),
    ) {
        let arrival = Arrival { hostname: None, country: country.and_then(Country::parse), ..arrival(now) };
        let after = Activation::after(Some(&known), &license.license_key, &license.seats, &arrival);
        prop_assert_eq!(after.last_seen, now);
        prop_assert_eq!(after.first_seen, known.first_seen);
        if license.seats.session_limit().is_some() {
            prop_assert_eq!(after.lease_until, known.lease_until.max(Some(now + SESSION_TIMEOUT)));
        } else {
            prop_assert_eq!(after.lease_until, known.lease_until);
        }
        if !known.needs_write(&license.seats, &arrival) {
            prop_assert!(now.since(known.last_seen) < LAST_SEEN_PRECISION);
            prop_assert_eq!(&after.countries, &known.countries);
            prop_assert_eq!(after.token_expiry, known.token_expiry);
            prop_assert!(license.seats.session_limit().is_none() || known.session_is_live(now));
        }
    }
}
