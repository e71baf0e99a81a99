//! Sales: whatever Stripe tells of a purchase, in whatever order, how often, and whatever fails: the licenses are in the end
//! what the history in its own order gives.
//!
//! Each history is made up from its number: a checkout or a subscription of either generation of Stripe's API (invoices name
//! their payments, or events of their own do), renewals in time and late, other plans and quantities, parts of the money back
//! and all of it, disputes of every course. Each of its events is delivered up to thirty days late, some twice, some at once
//! with another, some into a store that fails or a process that crashes. `PROPTEST_CASES=10000` looks further.

use std::{collections::BTreeSet, thread, time::Duration};

use fastrand::Rng;
use keystead_core::Timestamp;
use keystead_tests::{Fault, PRODUCT, TestApp, TestLicense, epoch};
use serde_json::{Value, json};

use crate::properties::cases;

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// An event of Stripe's, at seconds after the history began.
#[derive(Clone, Debug)]
struct Event {
    at: i64,
    r#type: &'static str,
    object: Value,
}

/// What a payment bought.
#[derive(Clone, Copy, Debug)]
enum Buys {
    /// What the checkout sold.
    First,
    /// So many days, from the end of the last ones or from the payment on.
    Renewal { days: i64 },
    /// Everything up to then.
    UpTo(i64),
}

/// A payment, and what became of the money: the history as its customer would tell it.
#[derive(Clone, Debug)]
struct Payment {
    at: i64,
    buys: Buys,
    quantity: i64,
    refunded: bool,
    /// The last status of each dispute.
    disputes: Vec<&'static str>,
}

#[derive(Debug)]
struct History {
    events: Vec<Event>,
    payments: Vec<Payment>,
    /// How long the first period is; for good, when `None`.
    first_days: Option<i64>,
    means: &'static str,
    is_over: bool,
}

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    licenses: usize,
    ends_at: Option<i64>,
    seats: i64,
    reason: Option<&'static str>,
    is_over: bool,
}

impl History {
    /// What the history gives in its own order, by the rules of docs/api/webhooks.md.
    fn outcome(&self) -> Outcome {
        let mut ends_at = self.first_days.map(|days| days * DAY);
        let (mut quantity, mut largest) = (1, 1);
        for payment in &self.payments {
            largest = largest.max(payment.quantity);
            if payment.refunded && !matches!(payment.buys, Buys::First) {
                continue;
            }
            quantity = payment.quantity;
            if let Some(end) = &mut ends_at {
                match payment.buys {
                    Buys::First => {}
                    Buys::Renewal { days } => *end = payment.at.max(*end) + days * DAY,
                    Buys::UpTo(then) => *end = then,
                }
            }
        }
        let lost = ["needs_response", "under_review", "lost"];
        let disputed = self
            .payments
            .iter()
            .flat_map(|payment| &payment.disputes)
            .any(|status| lost.contains(status));
        Outcome {
            licenses: if self.means == "licenses" {
                usize::try_from(largest).expect("a number")
            } else {
                1
            },
            ends_at,
            seats: if self.means == "seats" { quantity.max(2) } else { 2 },
            reason: if disputed {
                Some("chargeback")
            } else {
                self.payments[0].refunded.then_some("refund")
            },
            is_over: self.is_over,
        }
    }
}

/// Makes a history up.
struct Author {
    rng: Rng,
    /// Whether invoices name the payment, as before March 2025.
    names_payment: bool,
    events: Vec<Event>,
    payments: Vec<Payment>,
}

impl Author {
    fn history(seed: u64) -> History {
        let mut rng = Rng::with_seed(seed);
        let means = *rng.choice(&["seats", "licenses", "ignored"]).expect("a choice");
        let mut author = Self {
            names_payment: rng.bool(),
            rng,
            events: Vec::new(),
            payments: Vec::new(),
        };
        let is_subscription = author.chance(4, 5);
        let (first_days, is_over) = if is_subscription {
            author.subscription()
        } else {
            (author.purchase(), false)
        };
        author.strangers();
        History {
            events: author.events,
            payments: author.payments,
            first_days,
            means,
            is_over,
        }
    }

    fn chance(&mut self, of: u32, among: u32) -> bool {
        self.rng.u32(0..among) < of
    }

    fn tell(&mut self, at: i64, r#type: &'static str, object: Value) {
        self.events.push(Event { at, r#type, object });
    }

    fn checkout(&mut self, mut session: Value, days: Option<i64>, quantity: Option<i64>) {
        session["id"] = json!("cs_1");
        session["customer_details"] = json!({ "email": "customer@example.com" });
        session["metadata"] = json!({ "productId": PRODUCT });
        if let Some(days) = days {
            session["metadata"]["durationDays"] = days.to_string().into();
        }
        if let Some(quantity) = quantity {
            session["line_items"] = json!({ "data": [{ "quantity": quantity }] });
        }
        session["payment_status"] = json!("paid");
        if self.chance(1, 5) {
            let mut unpaid = session.clone();
            unpaid["payment_status"] = json!("unpaid");
            self.tell(0, "checkout.session.completed", unpaid);
            self.tell(0, "checkout.session.async_payment_succeeded", session);
        } else {
            self.tell(0, "checkout.session.completed", session);
        }
    }

    /// Something is bought once.
    fn purchase(&mut self) -> Option<i64> {
        let days = *self.rng.choice(&[None, Some(30), Some(365)]).expect("a choice");
        let quantity = self.rng.i64(1..5);
        let told = (quantity > 1 || self.rng.bool()).then_some(quantity);
        self.checkout(json!({ "mode": "payment", "payment_intent": "pi_0" }), days, told);
        self.paid(0, Buys::First, quantity, None);
        days
    }

    /// A subscription, its renewals, and its changes.
    fn subscription(&mut self) -> (Option<i64>, bool) {
        let mut period = *self.rng.choice(&[7, 30, 31]).expect("a choice");
        let first_days = period + self.rng.i64(0..4);
        let mut quantity = self.rng.i64(1..5);
        let invoice = self.rng.bool().then_some("in_0");
        let told = self.rng.bool().then_some(quantity);
        self.checkout(
            json!({ "mode": "subscription", "subscription": "sub_1", "invoice": invoice, "payment_intent": null }),
            Some(first_days),
            told,
        );
        self.invoice(0, (0, period * DAY), Buys::First, quantity, "subscription_create");
        let mut began = 0;
        for _ in 0..self.rng.u32(0..5) {
            if self.chance(1, 3) {
                quantity = self.rng.i64(1..5);
            }
            if self.chance(1, 4) {
                // Another plan, in the middle of a period: a new one begins.
                began += self.rng.i64(1..period * 24) * HOUR;
                period = *self.rng.choice(&[7, 30, 365]).expect("a choice");
                let end = began + period * DAY;
                self.invoice(began, (began, end), Buys::UpTo(end), quantity, "subscription_update");
            } else {
                began += period * DAY;
                let late = if self.chance(1, 4) { self.rng.i64(1..6 * 24) } else { 1 };
                let buys = Buys::Renewal { days: period };
                self.invoice(
                    began + late * HOUR,
                    (began, began + period * DAY),
                    buys,
                    quantity,
                    "subscription_cycle",
                );
            }
        }
        let is_over = self.chance(1, 4);
        if is_over {
            let at = began + period * DAY;
            self.tell(
                at,
                "customer.subscription.deleted",
                json!({ "id": "sub_1", "ended_at": seconds(at) }),
            );
        }
        (Some(first_days), is_over)
    }

    fn invoice(&mut self, at: i64, (start, end): (i64, i64), buys: Buys, quantity: i64, reason: &str) {
        let number = self.payments.len();
        let id = format!("in_{number}");
        let whole = json!({ "period": { "start": seconds(start), "end": seconds(end) }, "quantity": quantity });
        let mut lines = vec![whole];
        if reason == "subscription_update" || self.chance(1, 5) {
            let part = json!({ "start": seconds(start), "end": seconds(end + 400 * DAY) });
            lines.insert(0, if self.names_payment {
                json!({ "proration": true, "type": "invoiceitem", "period": part, "quantity": 99 })
            } else {
                json!({ "parent": { "invoice_item_details": { "proration": true } }, "period": part, "quantity": 99 })
            });
        }
        let mut invoice = json!({
            "id": id, "billing_reason": reason, "lines": { "data": lines },
            "status_transitions": { "paid_at": seconds(at) },
        });
        if self.names_payment {
            invoice["subscription"] = json!("sub_1");
            invoice["payment_intent"] = format!("pi_{number}").into();
            invoice["charge"] = format!("ch_{number}").into();
        } else {
            invoice["parent"] = json!({ "subscription_details": { "subscription": "sub_1" } });
            let payment = json!({ "type": "payment_intent", "payment_intent": format!("pi_{number}") });
            let paid = json!({ "id": format!("inpay_{number}"), "invoice": id, "status": "paid", "payment": payment });
            self.tell(at, "invoice_payment.paid", paid);
        }
        self.tell(at, "invoice.paid", invoice);
        self.paid(at, buys, quantity, Some(&id));
    }

    /// A payment, and what becomes of the money later.
    fn paid(&mut self, at: i64, buys: Buys, quantity: i64, invoice: Option<&str>) {
        let number = self.payments.len();
        let (pi, ch) = (format!("pi_{number}"), format!("ch_{number}"));
        let (mut refunded, mut disputes) = (false, Vec::new());
        if self.chance(1, 4) {
            let mut charge = json!({ "id": ch, "payment_intent": pi, "refunded": false, "amount_refunded": 1 });
            if self.names_payment {
                charge["invoice"] = json!(invoice);
            }
            let later = at + self.rng.i64(0..60 * 24) * HOUR;
            self.tell(later, "charge.refunded", charge.clone());
            if self.chance(3, 4) {
                refunded = true;
                charge["refunded"] = json!(true);
                let later = later + self.rng.i64(0..48) * HOUR;
                self.tell(later, "charge.refunded", charge);
            }
        }
        for dispute in 0..u32::from(self.chance(1, 4)) + u32::from(self.chance(1, 20)) {
            let course = *self.rng.choice(COURSES).expect("a course");
            // A part of the course, at times: the rest is yet to come.
            let course = &course[..self.rng.usize(1..=course.len())];
            let mut later = at;
            for (i, (r#type, status)) in course.iter().enumerate() {
                later += self.rng.i64(1..200) * HOUR;
                let mut object = json!({ "id": format!("dp_{number}_{dispute}"), "status": status });
                // Either is enough, where the invoice has told of both.
                let which = if self.names_payment && invoice.is_some() {
                    self.rng.u32(0..3)
                } else {
                    0
                };
                object["payment_intent"] = if which == 1 { Value::Null } else { json!(pi) };
                object["charge"] = if which == 2 { Value::Null } else { json!(ch) };
                self.tell(later, if i == 0 { "charge.dispute.created" } else { r#type }, object);
            }
            disputes.extend(course.last().map(|(_, status)| *status));
        }
        self.payments.push(Payment {
            at,
            buys,
            quantity,
            refunded,
            disputes,
        });
    }

    /// Events about something else that the same account sells.
    fn strangers(&mut self) {
        if self.chance(1, 2) {
            let invoice = json!({ "id": "in_x", "subscription": "sub_x", "billing_reason": "subscription_cycle",
                                  "lines": { "data": [{ "period": { "start": seconds(0), "end": seconds(DAY) } }] } });
            self.tell(DAY, "invoice.paid", invoice);
            self.tell(
                DAY,
                "charge.refunded",
                json!({ "id": "ch_x", "payment_intent": "pi_x", "refunded": true }),
            );
            self.tell(
                DAY,
                "charge.dispute.created",
                json!({ "id": "dp_x", "charge": "ch_y", "status": "lost" }),
            );
            self.tell(
                DAY,
                "invoice_payment.paid",
                json!({ "id": "inpay_x", "invoice": "in_x", "payment": { "payment_intent": "pi_x" } }),
            );
        }
    }
}

/// The courses that a dispute may take: the type of each event, and the status that it tells.
const COURSES: &[&[(&str, &str)]] = &[
    &[
        ("", "warning_needs_response"),
        (UPDATED, "warning_under_review"),
        (CLOSED, "warning_closed"),
    ],
    &[
        ("", "warning_needs_response"),
        (WITHDRAWN, "needs_response"),
        (UPDATED, "under_review"),
        (CLOSED, "lost"),
    ],
    &[
        ("", "needs_response"),
        (WITHDRAWN, "needs_response"),
        (UPDATED, "under_review"),
        (CLOSED, "won"),
        (BACK, "won"),
    ],
    &[("", "needs_response"), (CLOSED, "lost")],
    &[("", "needs_response"), (CLOSED, "charge_refunded")],
    &[("", "prevented")],
];
const UPDATED: &str = "charge.dispute.updated";
const CLOSED: &str = "charge.dispute.closed";
const WITHDRAWN: &str = "charge.dispute.funds_withdrawn";
const BACK: &str = "charge.dispute.funds_reinstated";

fn seconds(at: i64) -> i64 {
    epoch().seconds() + at
}

/// When, and which event.
type Delivery = (i64, usize);

/// When which event is delivered: up to thirty days late, and some twice.
fn deliveries(history: &History, rng: &mut Rng) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for (number, event) in history.events.iter().enumerate() {
        for _ in 0..=u32::from(rng.u32(0..4) == 0) {
            let late = match rng.u32(0..3) {
                0 => 0,
                1 => rng.i64(0..2 * DAY),
                _ => rng.i64(0..30 * DAY),
            };
            deliveries.push((event.at + late, number));
        }
    }
    // What is delivered in the same moment has no order.
    rng.shuffle(&mut deliveries);
    deliveries.sort_by_key(|(at, _)| *at);
    deliveries
}

/// Delivers an event until it is taken, as Stripe does.
async fn deliver(app: TestApp, event: Event, number: usize, faults: Vec<Fault>) -> Result<TestApp, String> {
    let mut app = app;
    app.faults.inject(faults);
    for _ in 0..4 {
        let made_at = Timestamp::from_millis(seconds(event.at) * 1000);
        let (stripe, id) = (app.stripe(), format!("evt_{number}"));
        let delivery = stripe.deliver_made_at(&id, event.r#type, event.object.clone(), made_at);
        let answer = app.faults.until_crash(delivery).await;
        app.faults.inject([]);
        match answer {
            Some(answer) if answer.status == 200 => return Ok(app),
            Some(answer) if answer.status == 500 => {}
            Some(answer) => return Err(format!("{event:?}: {answer:?}")),
            None => app = app.restarted().await,
        }
    }
    Err(format!("{event:?} is never taken: {}", app.cx.log.written()))
}

/// Some faults, for the calls of one delivery.
fn some_faults(rng: &mut Rng) -> Vec<Fault> {
    if rng.u32(0..5) > 0 {
        return Vec::new();
    }
    let before = std::iter::repeat_n(Fault::None, rng.usize(0..8));
    let fault = *rng
        .choice(&[
            Fault::Throttled,
            Fault::ServerError,
            Fault::LostBefore,
            Fault::LostAfter,
            Fault::Conflict,
            Fault::Garbled,
            Fault::CrashBefore,
            Fault::CrashAfter,
        ])
        .expect("a fault");
    let often = if rng.bool() { 1 } else { 40 };
    before.chain(std::iter::repeat_n(fault, often)).collect()
}

/// The licenses as they are, each with how often it has changed.
async fn found(app: &TestApp) -> (Vec<Outcome>, Vec<u64>) {
    let listed = app.admin().post("/listLicenses", json!({ "limit": 1000 })).await;
    let listed = listed.expect(200)["licenses"].as_array().expect("a list").clone();
    let (mut outcomes, mut revisions) = (Vec::new(), Vec::new());
    for license in &listed {
        let license = TestLicense {
            key: license["key"].as_str().expect("a key").to_owned(),
        };
        let (shown, stored) = (app.shown(&license).await, app.assert_counters_true(&license).await);
        let open = shown["violations"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|found| found["resolved"] == false);
        let (open, license) = (open.count(), &shown["license"]);
        let reason = ["refund", "chargeback"]
            .into_iter()
            .find(|reason| license["disputeReason"] == *reason);
        let status = if reason.is_some() {
            ("revoked", 4)
        } else {
            ("active", 0)
        };
        assert_eq!(
            (license["status"].as_str(), license["threatLevel"].as_i64()),
            (Some(status.0), Some(status.1))
        );
        assert_eq!(open, usize::from(reason == Some("chargeback")), "{shown}");
        assert_eq!(shown["unresolvedViolationsCount"], open);
        let ends_at = stored.expires_at().map(|end| end.seconds() - epoch().seconds());
        outcomes.push(Outcome {
            licenses: listed.len(),
            ends_at,
            seats: stored.seats.max_machines.number(),
            reason,
            is_over: stored.subscription.is_some_and(|subscription| subscription.is_over),
        });
        revisions.push(stored.revision);
    }
    (outcomes, revisions)
}

async fn check(seed: u64) -> Result<(), String> {
    let history = Author::history(seed);
    let mut rng = Rng::with_seed(!seed);
    let mut app = TestApp::start().await;
    app.faults.seed(seed);
    let means = json!({ "productId": PRODUCT, "quantityMeans": history.means });
    app.admin().post("/updateProduct", means).await.expect(200);
    let mut deliveries = deliveries(&history, &mut rng).into_iter().peekable();
    while let Some((at, number)) = deliveries.next() {
        let together = rng.u32(0..4) == 0;
        let other = deliveries.next_if(|(later, _)| together && later - at < DAY);
        let at = other.map_or(at, |(later, _)| later);
        let now = app.now().seconds() - epoch().seconds();
        app.advance(Duration::from_secs(u64::try_from(at - now).unwrap_or(0)));
        let event = history.events[number].clone();
        match other {
            Some((_, other)) => {
                let another = history.events[other].clone();
                let (one, two) = tokio::join!(
                    deliver(app.clone(), event, number, Vec::new()),
                    deliver(app.clone(), another, other, Vec::new())
                );
                one.and(two)?;
            }
            None => app = deliver(app, event, number, some_faults(&mut rng)).await?,
        }
    }
    let (outcomes, revisions) = found(&app).await;
    let expected = history.outcome();
    let distinct: BTreeSet<String> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
    if outcomes.len() != expected.licenses || outcomes.iter().any(|outcome| *outcome != expected) {
        return Err(format!("expected {expected:?}\nfound    {distinct:?}"));
    }
    // Told once more, none of it changes anything.
    let mut again: Vec<usize> = (0..history.events.len()).collect();
    rng.shuffle(&mut again);
    for number in again.into_iter().take(4) {
        app = deliver(app, history.events[number].clone(), number, Vec::new()).await?;
    }
    if found(&app).await != (outcomes, revisions) {
        return Err("a redelivery changed something".to_owned());
    }
    Ok(())
}

#[test]
fn whatever_order_a_sale_is_told_in_its_licenses_are_what_its_history_gives() {
    const WORKERS: u64 = 4;

    let histories = u64::from(cases(300).cases);
    let worker = |worker: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().start_paused(true).build().expect("a runtime");
        for seed in (worker..histories).step_by(usize::try_from(WORKERS).expect("a number")) {
            if let Err(told) = runtime.block_on(check(seed)) {
                let history = Author::history(seed);
                panic!("{told}\nhistory {seed}: {history:#?}");
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..WORKERS {
            scope.spawn(move || worker(number));
        }
    });
}
