//! Authorizations of `/v1`: one round of reads, and at most one transaction.
//!
//! What is counted changes only in the transaction with its counter, whose conditions repeat what the decision was made
//! on. When another request came between, DynamoDB hands back the items as they are, and the decision is made again.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use crate::{
    Result, Timestamp,
    audit::Audit,
    event::{Event, EventId, EventType},
    ids,
    license::{
        License,
        activation::{Activation, Arrival, LAST_SEEN_PRECISION},
        address::{AddressBinding, address_item, kind_of, window},
        authorization::{
            AuthorizationDenial, AuthorizationPlan, AuthorizationRecords, AuthorizationRequest, Counter,
            DENIED_INTERVAL, Grant, MOST_ADDRESSES_NOTED, ReasonCode, RecordWrite, authorize,
        },
        machine::MachineId,
        policy::{AddressKind, Policy},
        seats::SeatLimit,
        session::{Session, SessionId},
    },
    product::blacklist::{BlacklistEntryId, BlacklistValue},
    store::{
        Store,
        cache::Catalog,
        item::{Item, decode, encode, number, text},
        license::{
            activation::{activation_creation, activation_key, activation_update},
            item::{license_difference, license_key},
            ledger::{Counters, ENTRIES_AT_ONCE, LedgerEntry, LedgerPart, SESSIONS, ledger_key, session_item},
        },
        product::blacklist::{blacklist_key, blacklist_sort},
        schema,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, put, retried, update},
    },
};

/// What an authorization is decided on, as it was read beside the authentication of its caller.
#[derive(Clone, Debug)]
pub struct AuthorizationFetch {
    /// The license and what is known of the application; `None` when there is no license with the key.
    pub records: Option<AuthorizationRecords>,
    /// The product, should this process know it already.
    pub catalog: Option<Arc<Catalog>>,
}

/// What became of an authorization.
#[derive(Clone, Debug)]
pub struct AuthorizationOutcome {
    /// The license, if the product's owner has it.
    pub license: Option<License>,
    /// The product, if it is there.
    pub catalog: Option<Arc<Catalog>>,
    /// What was decided.
    pub decision: Result<Grant, AuthorizationDenial>,
}

/// How many sessions a license without a cap may have before those that have lapsed are looked for.
const SESSIONS_UNTENDED: u32 = 128;

/// Every how many new sessions they are then looked for. As many as a transaction removes go at once, so there are never
/// many more than are alive.
const SESSIONS_A_TENDING: u32 = 32;

impl Store {
    /// Reads what an authorization is decided on, in one round.
    ///
    /// **Unscoped**: the license may be of any product and owner. [`Store::license_authorize`] checks.
    pub async fn authorization_fetch_unscoped(
        &self,
        request: &AuthorizationRequest,
        now: Timestamp,
    ) -> Result<AuthorizationFetch> {
        let (records, catalog) = tokio::try_join!(
            self.authorization_records(request),
            self.product_prefetch_unscoped(&request.product_id, now)
        )?;
        Ok(AuthorizationFetch { records, catalog })
    }

    async fn authorization_records(&self, request: &AuthorizationRequest) -> Result<Option<AuthorizationRecords>> {
        let key = &request.license_key;
        let machine = machine_sort(request);
        let session = session_sort(request);
        // Which of the two counts, the license's policy says.
        let [by_address, by_region] = [AddressKind::Ip, AddressKind::Region].map(|kind| address_sort(request, kind));
        let entries = [&machine, &session, &by_address, &by_region].into_iter().flatten();
        let entries: Vec<Item> = entries.map(|sort| ledger_key(key, sort)).collect();
        let hwid = request.hwid.clone().map(|hwid| BlacklistValue::Hwid(hwid).entry_id());
        let ip = request.address.clone().map(|ip| BlacklistValue::Ip(ip).entry_id());
        let listed = [&hwid, &ip].into_iter().flatten();
        let listed: Vec<Item> = listed.map(|id| blacklist_key(&request.product_id, id)).collect();
        let mut keys = vec![(&schema::LICENSES, vec![license_key(key)])];
        keys.extend((!entries.is_empty()).then_some((&schema::ACTIVATIONS, entries)));
        keys.extend((!listed.is_empty()).then_some((&schema::PRODUCTS, listed)));
        let mut batch = self.get_batch(keys).await?;
        let Some(license) = batch.take_one(&schema::LICENSES)? else {
            return Ok(None);
        };
        let mut entries = batch.take(&schema::ACTIVATIONS);
        let mut entry = |sort: Option<String>| taken(&mut entries, "machineId", sort.as_deref());
        let (machine, session) = (entry(machine), entry(session));
        let (by_address, by_region) = (entry(by_address), entry(by_region));
        let mut listed = batch.take(&schema::PRODUCTS);
        let mut on_list = |id: Option<BlacklistEntryId>| {
            let sort = id.as_ref().map(blacklist_sort);
            taken(&mut listed, "item", sort.as_deref())
        };
        let (hwid_entry, ip_entry) = (on_list(hwid), on_list(ip));
        Ok(Some(AuthorizationRecords {
            license,
            machine: machine.map(decode).transpose()?,
            session: session.map(decode).transpose()?,
            by_address: by_address.map(decode).transpose()?,
            by_region: by_region.map(decode).transpose()?,
            hwid_entry: hwid_entry.map(decode).transpose()?,
            ip_entry: ip_entry.map(decode).transpose()?,
        }))
    }

    /// Decides about an application as [`authorize`] does, and writes what is due: the machine, address and session, the
    /// license's counters, and the events, all as one. The caller was found to hold an API key of the product.
    ///
    /// A known machine costs a write once in [`LAST_SEEN_PRECISION`], as does an address, and a session one a third of its
    /// lease. A denial is told once in [`DENIED_INTERVAL`] for each license. A dry run writes nothing.
    ///
    /// # Errors
    /// None but [`crate::Error::Internal`]: a denial is an outcome.
    pub async fn license_authorize(
        &self,
        fetched: AuthorizationFetch,
        request: &AuthorizationRequest,
        audit: &Audit,
    ) -> Result<AuthorizationOutcome> {
        let now = audit.now;
        let not_found = |catalog| AuthorizationOutcome {
            license: None,
            catalog,
            decision: Err(ReasonCode::LicenseNotFound.into()),
        };
        let Some(records) = fetched.records else {
            return Ok(not_found(fetched.catalog));
        };
        let catalog = match fetched.catalog {
            Some(catalog) => Some(catalog),
            None => self.product_cached_unscoped(&request.product_id, now).await?,
        };
        let Some(catalog) = catalog else {
            return Ok(not_found(None));
        };
        let (told, told_end) = (&audit.event_id()?, audit.event_id()?);
        let known = &catalog;
        let decided = retried("a license", Some(records), |attempt, records| async move {
            let Some(records) = records else {
                return Ok(Break(None));
            };
            let decided = Box::pin(self.authorization_decide(known, records, request, now)).await?;
            let (records, grant) = match decided {
                Some((records, Ok(grant))) if !grant.plan.is_empty() => (records, grant),
                Some((records, decision)) => return Ok(Break(Some((records.license, decision)))),
                None => return Ok(Break(None)),
            };
            if attempt.retries_at_once() {
                self.session_tend(&grant, now).await?;
            }
            let event = audit.event_with_id(told.clone(), EventType::Authorized, &records.license);
            let actions = authorization_actions(&records, &grant, request, now)?;
            let transaction = actions.into_iter().fold(Transaction::of([]), Transaction::with);
            let transaction = transaction.with_event(&granted(event, &grant, request))?;
            Ok(match self.commit_all(transaction).await? {
                WriteOutcome::Done => Break(Some((grant.license.clone(), Ok(grant)))),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(Some(records))
                }
                WriteOutcome::Refused(refusals) if attempt.retries_at_once() => {
                    Continue(found_instead(records, &grant, refusals)?)
                }
                WriteOutcome::Refused(_) => {
                    attempt.back_off().await;
                    Continue(self.authorization_records(request).await?)
                }
            })
        })
        .await?;
        let Some((license, decision)) = decided else {
            return Ok(not_found(Some(catalog)));
        };
        // Another owner's license is none of the caller's, and its owner is told nothing of them.
        if license.owner_id != catalog.product.owner_id {
            return Ok(not_found(Some(catalog)));
        }
        if let Err(denial) = &decision
            && !request.dry_run
            && license.denial_is_due(now)
        {
            let events = [told.clone(), told_end];
            self.authorization_tell_denial(&license, denial, request, events, audit)
                .await?;
        }
        Ok(AuthorizationOutcome {
            license: Some(license),
            catalog: Some(catalog),
            decision,
        })
    }

    /// Decides, and makes room where only what has lapsed is in the way. Answers what it was decided on; `None` when the
    /// license is gone.
    async fn authorization_decide(
        &self,
        catalog: &Catalog,
        mut records: AuthorizationRecords,
        request: &AuthorizationRequest,
        now: Timestamp,
    ) -> Result<Option<(AuthorizationRecords, Result<Grant, AuthorizationDenial>)>> {
        let mut settled: Vec<Counter> = Vec::new();
        // What a dry run would have freed.
        let mut freed = Counters::default();
        loop {
            let decision = authorize(&catalog.product, &records, request, now);
            let counter = decision.as_ref().err().and_then(|denial| denial.reason.counter());
            let Some(counter) = counter.filter(|counter| !settled.contains(counter)) else {
                return Ok(Some((records, decision)));
            };
            let policy = records.license.effective_policy(&catalog.product);
            let lapsed = self.lapsed_list(&records.license, counter, &policy, now).await?;
            if !request.dry_run && !lapsed.is_empty() {
                self.ledger_reap(&request.license_key, &lapsed).await?;
            }
            // The license and the other item were read by separate reads. Before denying for want of room, read both in one
            // TransactGetItems: a concurrent request of this same application may have made the pair inconsistent.
            let Some(now_known) = self.authorization_pair(records, counter, &policy, request).await? else {
                return Ok(None);
            };
            records = now_known;
            if request.dry_run {
                freed = freed + Counters::of_reaped(&lapsed);
                records.license = freed.taken_off(records.license);
            }
            if request.dry_run || lapsed.is_empty() {
                settled.push(counter);
            }
        }
    }

    /// What of a license is counted and has lapsed: as much as it takes to make room for one more.
    async fn lapsed_list(
        &self,
        license: &License,
        counter: Counter,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Vec<LedgerEntry>> {
        let key = &license.license_key;
        let (mut lapsed, limit, used) = match counter {
            Counter::Machines => return Ok(Vec::new()),
            Counter::Sessions => (
                self.lease_list_lapsed(key, now, usize::MAX).await?,
                policy.session_limit(),
                license.seats.sessions_open,
            ),
            Counter::Addresses => (
                self.address_list_lapsed(license, policy, now).await?,
                policy.address_limit(),
                license.seats.addresses_bound,
            ),
        };
        let wanted = (used + 1).saturating_sub(limit.limit().unwrap_or(used)).max(1);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(ENTRIES_AT_ONCE);
        // Those who reap at once begin at different ones, so that they collide less.
        let places: Vec<usize> = (0..lapsed.len()).collect();
        lapsed.rotate_left(ids::pick(&places).copied().unwrap_or(0));
        lapsed.truncate(wanted);
        Ok(lapsed)
    }

    /// Addresses that the policy does not count: they were last seen too long ago, or are of the kind that another policy
    /// counted. Those of the first page that has any.
    async fn address_list_lapsed(
        &self,
        license: &License,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Vec<LedgerEntry>> {
        let (kind, days) = (policy.address_kind(), policy.address_window_days());
        let lapsed = |entry: &LedgerEntry| {
            let seen_within = |days: u32| entry.last_seen.is_some_and(|seen| now < seen + window(days));
            kind_of(&entry.machine_id) != kind || !days.is_none_or(seen_within)
        };
        self.ledger_find(&license.license_key, LedgerPart::Addresses, lapsed)
            .await
    }

    /// The license, and the item of it that `counter` counts, both as they are at one moment.
    async fn authorization_pair(
        &self,
        mut records: AuthorizationRecords,
        counter: Counter,
        policy: &Policy,
        request: &AuthorizationRequest,
    ) -> Result<Option<AuthorizationRecords>> {
        let kind = policy.address_kind();
        let sort = match counter {
            Counter::Machines => machine_sort(request),
            Counter::Sessions => session_sort(request),
            Counter::Addresses => address_sort(request, kind),
        };
        // What is not named is not counted, and denies nothing.
        let Some(sort) = sort else {
            return Ok(Some(records));
        };
        let key = &request.license_key;
        let keys = [
            (&schema::LICENSES, license_key(key)),
            (&schema::ACTIVATIONS, ledger_key(key, &sort)),
        ];
        let [license, found] = self.get_transactional(keys).await?;
        let Some(license) = license else {
            return Ok(None);
        };
        records.license = decode(license)?;
        match counter {
            Counter::Machines => records.machine = found.map(decode).transpose()?,
            Counter::Sessions => records.session = found.map(decode).transpose()?,
            Counter::Addresses => set_binding(&mut records, kind, found.map(decode).transpose()?),
        }
        Ok(Some(records))
    }

    /// Of a license whose sessions have no cap: now and then, those that have lapsed are reaped, which nothing else does.
    async fn session_tend(&self, grant: &Grant, now: Timestamp) -> Result<()> {
        let [_, new, _] = grant.plan.takes();
        let open = grant.license.seats.sessions_open;
        let is_due = open >= SESSIONS_UNTENDED && open.is_multiple_of(SESSIONS_A_TENDING);
        if new == 0 || !is_due || grant.policy.session_limit() != SeatLimit::Unlimited {
            return Ok(());
        }
        let key = &grant.license.license_key;
        let mut lapsed = self.lease_list_lapsed(key, now, 1).await?;
        lapsed.truncate(ENTRIES_AT_ONCE);
        if lapsed.is_empty() {
            return Ok(());
        }
        self.ledger_reap(key, &lapsed).await
    }

    /// Notes that the use of a license was denied, and that it has ended if that is why.
    ///
    /// **Best effort**: when another write comes between, the next denial is told.
    async fn authorization_tell_denial(
        &self,
        license: &License,
        denial: &AuthorizationDenial,
        request: &AuthorizationRequest,
        [told, told_end]: [EventId; 2],
        audit: &Audit,
    ) -> Result<()> {
        let now = audit.now;
        let noted = UpdateExpression::default()
            .set("deniedAt", text(now))
            .when("attribute_exists(licenseKey)", [])
            // **Race**: of many denials at once, one is told.
            .when(
                "attribute_not_exists(deniedAt) OR deniedAt <= :due",
                [(":due", text(now - DENIED_INTERVAL))],
            );
        let noted = update(&schema::LICENSES, license_key(&license.license_key), noted);
        let event = audit.event_with_id(told, EventType::AuthorizationDenied, license);
        let event = event
            .with("productId", request.product_id.as_str())
            .with("reasonCode", denial.reason.as_str())
            .with("message", denial.message.as_ref());
        let event = of_application(event, request);
        let mut transaction = Transaction::of([noted]).with_event(&event)?;
        if denial.reason.is_expiry() {
            let ended = audit.event_with_id(told_end, EventType::Expired, license);
            let ended = ended.with("productId", request.product_id.as_str());
            let at = license.expires_at().map(|at| at.to_string());
            transaction = transaction.with_event(&ended.with("effectiveExpiresAt", at))?;
        }
        self.commit(transaction).await.map(drop)
    }
}

/// Takes out the item with this sort key.
fn taken(items: &mut Vec<Item>, attribute: &str, sort: Option<&str>) -> Option<Item> {
    let sort = text(sort?);
    let place = items.iter().position(|item| item.get(attribute) == Some(&sort))?;
    Some(items.swap_remove(place))
}

fn machine_sort(request: &AuthorizationRequest) -> Option<String> {
    request
        .hwid
        .as_ref()
        .map(|hwid| MachineId::of(hwid).as_str().to_owned())
}

fn session_sort(request: &AuthorizationRequest) -> Option<String> {
    let id = request.session.as_ref().map(SessionId::of);
    id.map(|id| format!("{SESSIONS}{id}"))
}

fn address_sort(request: &AuthorizationRequest, kind: AddressKind) -> Option<String> {
    let address = request.address.as_ref()?;
    Some(address_item(kind, address, request.region.as_ref()))
}

fn set_binding(records: &mut AuthorizationRecords, kind: AddressKind, binding: Option<AddressBinding>) {
    match kind {
        AddressKind::Ip => records.by_address = binding,
        AddressKind::Region => records.by_region = binding,
    }
}

/// What is written for a grant: the license if it changes, then the machine, the session and the address, as far as each is
/// due.
fn authorization_actions(
    records: &AuthorizationRecords,
    grant: &Grant,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<Vec<Action>> {
    let plan = &grant.plan;
    let mut actions = Vec::new();
    if plan.changes_license() {
        actions.push(license_counting(&records.license, grant, request)?);
    }
    match &plan.machine {
        None => {}
        Some(RecordWrite::Creation(machine)) => actions.push(activation_creation(machine)?),
        Some(RecordWrite::Refresh(machine)) => actions.push(activation_refresh(machine, request, now)),
    }
    match &plan.session {
        None => {}
        Some(RecordWrite::Creation(session)) => {
            let session = put(&schema::ACTIVATIONS, session_item(session)?);
            // **Race**: a session that is opened twice at once is counted once.
            actions.push(session.when("attribute_not_exists(licenseKey)", []));
        }
        Some(RecordWrite::Refresh(session)) => actions.push(session_extension(session, records)?),
    }
    let kind = grant.policy.address_kind();
    let write = plan.address.as_ref().zip(address_sort(request, kind));
    if let Some((write, sort)) = write {
        actions.push(address_action(write, &sort, records.binding(kind))?);
    }
    Ok(actions)
}

/// The license's part of a grant: its counters go up by what is new, unless a limit is reached or the license is not what was
/// decided on.
fn license_counting(license: &License, grant: &Grant, request: &AuthorizationRequest) -> Result<Action> {
    let [machines, sessions, addresses] = grant.plan.takes();
    let mut counting = license_difference(license, &grant.license)?
        // **Race**: it was not revoked, nor given other terms, since it was read.
        .when("revision = :seen", [(":seen", number(license.revision))]);
    if machines > 0 {
        let limit = grant.policy.machine_limit().limit().unwrap_or(request.most_machines);
        counting = counting
            .increase("seats.machinesUsed", machines)
            // **Race**: the last seat is given once.
            .when(
                "seats.machinesUsed < :mostMachines",
                [(":mostMachines", number(limit.min(request.most_machines)))],
            );
    }
    if sessions > 0 {
        counting = counting.increase("seats.sessionsOpen", sessions);
        if let SeatLimit::Limited(limit) = grant.policy.session_limit() {
            counting = counting.when("seats.sessionsOpen < :mostSessions", [(":mostSessions", number(limit))]);
        }
    }
    if addresses > 0 {
        let limit = grant.policy.address_limit().limit().unwrap_or(MOST_ADDRESSES_NOTED);
        counting = counting
            .assign(
                "seats.addressesBound = if_not_exists(seats.addressesBound, :noAddress) + :moreAddresses",
                [(":noAddress", number(0)), (":moreAddresses", number(addresses))],
            )
            .when(
                "attribute_not_exists(seats.addressesBound) OR seats.addressesBound < :mostAddresses",
                [(":mostAddresses", number(limit))],
            );
    }
    Ok(update(&schema::LICENSES, license_key(&license.license_key), counting))
}

fn activation_refresh(machine: &Activation, request: &AuthorizationRequest, now: Timestamp) -> Action {
    let arrival = Arrival {
        fingerprint: machine.fingerprint.clone(),
        via: machine.via,
        hostname: request.device_id.as_ref().map(|_| machine.hostname.clone()),
        country: request.region.clone(),
        token_expiry: None,
        now,
    };
    let refresh = activation_update(machine, &arrival, false)
        .when("attribute_exists(fingerprint)", [])
        // **Race**: of many requests at once, one writes.
        .when("lastSeen <= :due", [(":due", text(now - LAST_SEEN_PRECISION))]);
    let key = activation_key(&machine.license_key, &machine.fingerprint);
    update(&schema::ACTIVATIONS, key, refresh)
}

fn session_extension(session: &Session, records: &AuthorizationRecords) -> Result<Action> {
    let seen = records.session.as_ref().and_then(|known| known.lease_until);
    let extension = put(&schema::ACTIVATIONS, session_item(session)?);
    // **Race**: it was neither revoked nor reaped, nor extended by another request, since it was read.
    Ok(extension.when("leaseUntil = :seen", [(":seen", seen.map_or_else(|| text(""), text))]))
}

fn address_action(write: &RecordWrite<AddressBinding>, sort: &str, known: Option<&AddressBinding>) -> Result<Action> {
    let (RecordWrite::Creation(binding) | RecordWrite::Refresh(binding)) = write;
    let mut item = encode(binding)?;
    item.extend(ledger_key(&binding.license_key, sort));
    let address = put(&schema::ACTIVATIONS, item);
    // **Race**: an address that is seen twice at once is counted once.
    Ok(match (write, known) {
        (RecordWrite::Refresh(_), Some(known)) => address.when("lastSeen = :seen", [(":seen", text(known.last_seen))]),
        (RecordWrite::Creation(_) | RecordWrite::Refresh(_), _) => address.when("attribute_not_exists(licenseKey)", []),
    })
}

/// What is known once a transaction of [`authorization_actions`] was refused; `None` when the license is gone.
fn found_instead(
    mut records: AuthorizationRecords,
    grant: &Grant,
    refusals: Vec<Refusal>,
) -> Result<Option<AuthorizationRecords>> {
    let AuthorizationPlan {
        machine,
        session,
        address,
        ..
    } = &grant.plan;
    let mut refusals = refusals.into_iter();
    let mut refused = |is_written: bool| match is_written.then(|| refusals.next()).flatten() {
        Some(Refusal::By(found)) => Some(found),
        Some(Refusal::None) | None => None,
    };
    if let Some(found) = refused(grant.plan.changes_license()) {
        let Some(license) = found else {
            return Ok(None);
        };
        records.license = decode(license)?;
    }
    if let Some(found) = refused(machine.is_some()) {
        records.machine = found.map(decode).transpose()?;
    }
    if let Some(found) = refused(session.is_some()) {
        records.session = found.map(decode).transpose()?;
    }
    if let Some(found) = refused(address.is_some()) {
        set_binding(
            &mut records,
            grant.policy.address_kind(),
            found.map(decode).transpose()?,
        );
    }
    Ok(Some(records))
}

/// The event of a grant.
fn granted(event: Event, grant: &Grant, request: &AuthorizationRequest) -> Event {
    let at = grant.effective_expires_at.map(|at| at.to_string());
    let event = event
        .with("productId", request.product_id.as_str())
        .with("wasActivated", grant.was_activated)
        .with("effectiveExpiresAt", at);
    of_application(event, request)
}

/// The event, with what the application told.
fn of_application(mut event: Event, request: &AuthorizationRequest) -> Event {
    if let Some(hwid) = &request.hwid {
        event = event.of_machine(hwid);
    }
    if let Some(session) = &request.session {
        event = event.with("sessionId", session.as_str());
    }
    if let Some(address) = &request.address {
        event = event.with("address", address.as_str());
    }
    event
}
