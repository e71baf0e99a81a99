//! The reference model: what a license does, said as simply as it can be, for [`crate::linearizable`] to compare with.
//!
//! A request is a few steps, each at one moment. Most are two: it looks at the license, and then does what it came for.
//! What it does to a seat holds only if the license is still what it looked at. What it tells of the license (its
//! status, how many machines are on it) is what it looked at, and its own change.

use std::collections::BTreeMap;

use keystead_core::{
    Timestamp,
    license::{
        activation::SESSION_TIMEOUT,
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
};
use serde_json::{Value, json};

/// A license as it is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) rules: Rules,
    /// Its machines, and until when the session of each holds, should it have one.
    pub(crate) machines: BTreeMap<usize, Option<Timestamp>>,
    /// How many events tell that a machine took a slot, and that one gave its slot back.
    pub(crate) told: (usize, usize),
}

/// What changes of a license only by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) license_type: LicenseType,
    pub(crate) status: LicenseStatus,
    pub(crate) max: SeatLimit,
    pub(crate) concurrent: Option<SeatLimit>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) moves: usize,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Activate(usize),
    /// With the token that the machine was last given, by when that expires.
    Validate(usize, Option<Timestamp>),
    Heartbeat(usize),
    Deactivate(usize),
    Move {
        to: usize,
        from: usize,
    },
    List(usize),
    Verify,
    Reset,
    Change(Change),
}

/// What a vendor changes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Type(LicenseType),
    Max(SeatLimit),
    Concurrent(Option<SeatLimit>),
    Expiry(Option<Timestamp>),
    Status(LicenseStatus),
}

/// What a request has found so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The license's rules, how many machines were on it, and how many sessions were open.
    license: Option<(Rules, usize, usize)>,
    /// The machines that were on it, for who looks at them at another moment.
    machines: Option<BTreeMap<usize, Option<Timestamp>>>,
    /// What a heartbeat found: until when the session now holds, or whether there is an activation without one.
    beat: Option<Result<Timestamp, bool>>,
    /// How many machines a reset has taken off.
    removed: usize,
    /// The status of the answer, and some of its fields. With it the request has ended.
    pub(crate) answer: Option<(u16, Value)>,
}

/// How many moves a license allows in thirty days, more than a history lasts.
const MOVES: usize = 3;

impl Rules {
    fn floating(&self) -> bool {
        self.license_type == LicenseType::Floating
    }

    /// The limit of what machines take of the license: sessions if it floats, otherwise slots.
    fn limit(&self) -> SeatLimit {
        match self.license_type {
            LicenseType::PerMachine => self.max,
            LicenseType::Floating => self.concurrent.unwrap_or(self.max),
            LicenseType::Site => SeatLimit::Unlimited,
        }
    }

    fn refusal(&self, now: Timestamp) -> Option<(u16, Value)> {
        let expired = self.expires.is_some_and(|at| at <= now);
        match self.status {
            LicenseStatus::Revoked => Some(refused(403, "License has been revoked")),
            LicenseStatus::Suspended if !expired => Some(refused(403, "License is suspended")),
            LicenseStatus::Active | LicenseStatus::Degraded | LicenseStatus::Suspended => {
                expired.then(|| refused(403, "License has expired"))
            }
        }
    }

    /// The fields of a good answer, with what it says of the license.
    fn said(&self, mut fields: Value) -> Value {
        fields["status"] = json!(self.status.as_str());
        fields
    }

    fn counted(&self, used: usize) -> Value {
        self.said(json!({ "machinesUsed": used, "maxMachines": self.max.number() }))
    }

    fn full(&self) -> (u16, Value) {
        let limit = self.limit();
        refused(
            403,
            &format!("Machine limit reached ({limit}). Deactivate another machine first."),
        )
    }
}

fn refused(status: u16, error: &str) -> (u16, Value) {
    (status, json!({ "error": error }))
}

impl Model {
    pub(crate) fn sessions(&self) -> usize {
        self.machines.values().flatten().count()
    }

    fn lapsed(&self, now: Timestamp) -> Vec<usize> {
        let lapsed = |until: &Option<Timestamp>| until.is_some_and(|until| until <= now);
        let machines = self.machines.iter().filter(|(_, until)| lapsed(until));
        machines.map(|(machine, _)| *machine).collect()
    }

    /// Until when a session holds of which there is a sign of life: never shorter than it did.
    fn extended(&self, machine: usize, now: Timestamp) -> Timestamp {
        let held = self.machines.get(&machine).copied().flatten();
        held.unwrap_or(now).max(now + SESSION_TIMEOUT)
    }

    fn with(&self, machine: usize, in_session: bool, now: Timestamp) -> Self {
        let mut after = self.clone();
        let held = self.machines.get(&machine).copied();
        after.told.0 += usize::from(held.is_none());
        let session = in_session.then(|| self.extended(machine, now));
        after.machines.insert(machine, session.or(held.flatten()));
        after
    }

    fn without(&self, machine: usize) -> Self {
        let mut after = self.clone();
        after.machines.remove(&machine);
        after
    }

    fn changed(&self, change: &Change) -> Self {
        let mut after = self.clone();
        let rules = &mut after.rules;
        match change {
            Change::Type(license_type) => rules.license_type = *license_type,
            Change::Max(max) => rules.max = *max,
            Change::Concurrent(max) => rules.concurrent = *max,
            Change::Expiry(at) => rules.expires = *at,
            Change::Status(status) => rules.status = *status,
        }
        after
    }

    /// Whether there is a seat for one more once `freed` are given back. `None`: only one that a lapsed session holds.
    fn has_room(&self, freed: usize, now: Timestamp) -> Option<bool> {
        let floating = self.rules.floating();
        let taken = if floating { self.sessions() } else { self.machines.len() };
        let taken = u32::try_from(taken - freed).expect("a small number");
        let admits = self.rules.limit().admits(taken);
        let lapsed = floating && !self.lapsed(now).is_empty();
        (admits || !lapsed).then_some(admits)
    }

    /// A machine that shows itself to a license that was seen with `rules`.
    fn admit(&self, rules: &Rules, used: usize, machine: usize, now: Timestamp) -> Vec<Outcome> {
        let floating = rules.floating();
        let known = self.machines.get(&machine).copied();
        let came = usize::from(known.is_none());
        let is_in = known.is_some_and(|session| session.is_some() || !floating);
        let good = || ((200, rules.counted(used + came)), self.with(machine, floating, now));
        match self.has_room(0, now) {
            _ if is_in => vec![good()],
            // By now it is another license. It has to be looked at again.
            _ if self.rules != *rules => Vec::new(),
            Some(true) => vec![good()],
            Some(false) => vec![(rules.full(), self.clone())],
            None => Vec::new(),
        }
    }

    /// One machine in the place of another.
    fn moved(&self, rules: &Rules, used: usize, to: usize, from: usize, now: Timestamp) -> Vec<Outcome> {
        let floating = rules.floating();
        let session = |machine: usize| self.machines.get(&machine).copied().flatten();
        let needs_a_seat = floating && session(to).is_none();
        match self.has_room(usize::from(session(from).is_some()), now) {
            _ if self.rules != *rules => Vec::new(),
            Some(false) if needs_a_seat => vec![(rules.full(), self.clone())],
            None if needs_a_seat => Vec::new(),
            Some(_) | None => {
                let came = usize::from(!self.machines.contains_key(&to));
                let mut after = self.with(to, floating, now).without(from);
                after.told.1 += 1;
                after.rules.moves += 1;
                vec![((200, rules.counted((used + came).saturating_sub(1))), after)]
            }
        }
    }

    fn list(&self, rules: &Rules, used: usize, asking: usize, now: Timestamp) -> (u16, Value) {
        if rules.status == LicenseStatus::Revoked {
            return refused(403, "License has been revoked");
        }
        if !self.machines.contains_key(&asking) {
            return refused(403, "Machine is not activated");
        }
        let machine = |(machine, until): (&usize, &Option<Timestamp>)| {
            let live = rules.floating() && until.is_some_and(|until| now < until);
            json!([format!("{machine}.local"), *machine == asking, live])
        };
        let machines: Vec<Value> = self.machines.iter().map(machine).collect();
        (200, json!({ "machines": machines, "machinesUsed": used }))
    }
}

/// An answer, and the license as it leaves it.
type Outcome = ((u16, Value), Model);

impl Request {
    /// Every step that the request, which was made at `since`, may take next, and the license as each leaves it.
    ///
    /// With `resends`, a call whose reply is lost is sent again. A transaction is then recognized; a heartbeat, which is a
    /// plain update, takes effect at both moments, and is answered by what the second finds.
    pub(crate) fn steps(
        &self,
        seen: &Seen,
        model: &Model,
        since: Timestamp,
        now: Timestamp,
        resends: bool,
    ) -> Vec<(Seen, Model)> {
        let mut steps = Vec::new();
        let view = (model.rules.clone(), model.machines.len(), model.sessions());
        if let Some((rules, used, open)) = &seen.license {
            let mut outcomes = self.outcomes(seen, rules, *used, model, since, now);
            if let Some(machines) = seen.machines.clone() {
                // What changes nothing may be told of machines as they were a moment ago; but nobody is turned away for
                // want of a seat that was there.
                let earlier = Model {
                    machines,
                    ..model.clone()
                };
                let told = self.outcomes(seen, rules, *used, &earlier, since, now).into_iter();
                let told = told.filter(|(answer, after)| *after == earlier && *answer != rules.full());
                outcomes.extend(told.map(|(answer, _)| (answer, model.clone())));
            }
            for (answer, after) in outcomes {
                let answer = Some(answer);
                steps.push((Seen { answer, ..seen.clone() }, after));
            }
            // A seat whose session has lapsed is free for whoever finds seats taken.
            if self.wants_a_seat() && rules.floating() && *open > 0 {
                for machine in model.lapsed(now) {
                    let mut reaped = model.clone();
                    reaped.machines.insert(machine, None);
                    steps.push((seen.clone(), reaped));
                }
            }
        }
        match self {
            // The session is extended without a look at the license.
            Self::Heartbeat(machine) if seen.beat.is_none() || (resends && matches!(seen.beat, Some(Ok(_)))) => {
                let (beat, after) = match model.machines.get(machine) {
                    Some(Some(_)) => (Ok(model.extended(*machine, now)), model.with(*machine, true, now)),
                    activation => (Err(activation.is_some()), model.clone()),
                };
                let beat = Some(beat);
                steps.push((Seen { beat, ..seen.clone() }, after));
            }
            // As many at a time as fit in a transaction.
            Self::Reset => {
                for machine in model.machines.keys() {
                    let removed = seen.removed + 1;
                    steps.push((
                        Seen {
                            removed,
                            ..seen.clone()
                        },
                        model.without(*machine),
                    ));
                }
            }
            Self::Activate(_)
            | Self::Validate(..)
            | Self::Heartbeat(_)
            | Self::Deactivate(_)
            | Self::Move { .. }
            | Self::List(_)
            | Self::Verify
            | Self::Change(_) => {}
        }
        let looks_twice = matches!(self, Self::List(_) | Self::Validate(..) | Self::Move { .. });
        if looks_twice && seen.machines.as_ref() != Some(&model.machines) {
            let machines = Some(model.machines.clone());
            steps.push((
                Seen {
                    machines,
                    ..seen.clone()
                },
                model.clone(),
            ));
        }
        if seen.license.as_ref() != Some(&view) {
            let license = Some(view);
            steps.push((
                Seen {
                    license,
                    ..seen.clone()
                },
                model.clone(),
            ));
        }
        steps
    }

    fn wants_a_seat(&self) -> bool {
        match self {
            Self::Activate(_) | Self::Validate(..) | Self::Heartbeat(_) | Self::Move { .. } => true,
            Self::Deactivate(_) | Self::List(_) | Self::Verify | Self::Reset | Self::Change(_) => false,
        }
    }

    /// How the request may end now, once it has looked at the license and found `rules` and `used` machines.
    fn outcomes(
        &self,
        seen: &Seen,
        rules: &Rules,
        used: usize,
        model: &Model,
        since: Timestamp,
        now: Timestamp,
    ) -> Vec<Outcome> {
        let leave = |answer: (u16, Value)| vec![(answer, model.clone())];
        let session = |machine: &usize| model.machines.get(machine).copied();
        let refusal = rules.refusal(now);
        match self {
            Self::Verify => leave(
                refusal.unwrap_or_else(|| (200, rules.said(json!({ "licenseType": rules.license_type.as_str() })))),
            ),
            Self::List(machine) => leave(model.list(rules, used, *machine, now)),
            Self::Reset if model.machines.is_empty() => leave((200, json!({ "deletedCount": seen.removed }))),
            Self::Reset => Vec::new(),
            Self::Change(change) => vec![((200, json!({ "success": true })), model.changed(change))],
            Self::Deactivate(machine) => match session(machine) {
                None => leave(refused(404, "Activation not found")),
                Some(_) => {
                    let mut after = model.without(*machine);
                    after.told.1 += 1;
                    vec![((200, json!({ "machinesUsed": used.saturating_sub(1) })), after)]
                }
            },
            Self::Activate(machine) => match refusal {
                Some(refusal) => leave(refusal),
                None => model.admit(rules, used, *machine, now),
            },
            Self::Validate(_, None) => leave(refused(400, "Missing required fields")),
            Self::Validate(_, Some(expiry)) if *expiry <= since => leave(refused(401, "Invalid or expired token")),
            Self::Validate(machine, Some(_)) => match (refusal, session(machine)) {
                (Some(refusal), _) => leave(refusal),
                (None, None) => leave(refused(403, "Machine is not activated")),
                (None, Some(session)) => {
                    let mut outcomes = model.admit(rules, used, *machine, now);
                    if session.is_some_and(|until| now < until) {
                        // It was heard of a short time ago, and that is not written again.
                        outcomes.extend(leave((200, rules.counted(used))));
                    }
                    outcomes
                }
            },
            Self::Heartbeat(machine) => {
                let good = |until: Timestamp| (200, rules.said(json!({ "sessionExpiresAt": until.to_string() })));
                match (seen.beat, refusal, session(machine)) {
                    (None, _, _) => Vec::new(),
                    (Some(_), Some(refusal), _) => leave(refusal),
                    (Some(Ok(until)), None, _) => leave(good(until)),
                    (Some(Err(false)), None, _) | (Some(Err(true)), None, None) => {
                        leave(refused(404, "Session not found"))
                    }
                    (Some(Err(true)), None, Some(_)) if !rules.floating() => leave(good(now + SESSION_TIMEOUT)),
                    (Some(Err(true)), None, Some(_)) => {
                        let mut outcomes = model.admit(rules, used, *machine, now);
                        for (answer, after) in &mut outcomes {
                            if answer.0 == 200 {
                                *answer = good(after.machines[machine].expect("a session"));
                            }
                        }
                        outcomes
                    }
                }
            }
            Self::Move { to, from } => match (refusal, session(from)) {
                (Some(refusal), _) => leave(refusal),
                (None, None) => {
                    let mut outcomes = leave(refused(404, "Activation not found"));
                    if to == from {
                        // It was there when it was looked for, so this was an activation.
                        outcomes.extend(model.admit(rules, used, *to, now));
                    }
                    outcomes
                }
                (None, Some(_)) if to == from => model.admit(rules, used, *to, now),
                (None, Some(_)) if rules.moves >= MOVES => leave(refused(429, "Too many moves. Try again later.")),
                (None, Some(_)) => model.moved(rules, used, *to, *from, now),
            },
        }
    }
}
