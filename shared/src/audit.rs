//! Audit: who makes a request, from where and when. The store makes the events of a request from it, where the fact is
//! known.

use std::{collections::HashSet, hash::Hash, time::Duration};

use serde::Serialize;
use serde_json::Value;

use crate::{
    Error, Result, Timestamp,
    account::AccountId,
    event::{Actor, ActorKind, Event, EventId, EventType, Subject, UserAgent, changes_between},
    ids::Ids,
    license::{License, machine::Fingerprint},
    owner::OwnerId,
    request::{client_address::ClientAddress, id::RequestId},
    value::{email::Email, timestamp::HOUR},
};

/// Who makes a request, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The address they called from.
    pub address: ClientAddress,
    /// What they called with, as it calls itself.
    pub user_agent: Option<UserAgent>,
    /// Which request it is; `None` of what is no request.
    pub request_id: Option<RequestId>,
}

impl Origin {
    /// The service itself.
    pub fn keystead() -> Self {
        Self {
            actor: Actor::the(ActorKind::Keystead),
            address: ClientAddress::UNKNOWN,
            user_agent: None,
            request_id: None,
        }
    }
}

/// The audit context of a request; made once a request.
///
/// **Invariant**: a store method asks for the ids of its events before its retry loop, in an order that depends on its
/// arguments alone. An idempotent request that is carried out again then makes the same ids, and finds its own events.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Who makes the request, and from where.
    pub origin: Origin,
    /// When.
    pub now: Timestamp,
    /// How long its events are kept; for good, when `None`.
    pub retention: Option<Duration>,
    /// Where the ids of its events are from.
    pub ids: Ids,
}

impl Audit {
    /// The same request, by somebody whom it has shown to be this one.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self {
            origin: Origin { actor, ..self.origin },
            ..self
        }
    }

    /// That this happened to `license`.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when there are no random numbers for the event's id.
    pub fn event(&self, r#type: EventType, license: &License) -> Result<Event> {
        Ok(self.event_with_id(self.event_id()?, r#type, license))
    }

    /// The id of an event that is yet to be made.
    ///
    /// # Errors
    /// As for [`Audit::event`].
    pub fn event_id(&self) -> Result<EventId> {
        EventId::new(&self.ids, self.now)
    }

    /// Each of `ids` once, with the id of the event of what is done to it.
    ///
    /// # Errors
    /// As for [`Audit::event`].
    pub(crate) fn of_each<Id: Clone + Eq + Hash>(&self, ids: &[Id]) -> Result<Vec<(Id, EventId)>> {
        let mut seen = HashSet::with_capacity(ids.len());
        let once = ids.iter().filter(|id| seen.insert(*id));
        once.map(|id| Ok((id.clone(), self.event_id()?))).collect()
    }

    /// As [`Audit::event`], under an id that was made before.
    pub(crate) fn event_with_id(&self, id: EventId, r#type: EventType, license: &License) -> Event {
        Event {
            owner_id: Some(license.owner_id.clone()),
            ..self.filed(id, r#type, Subject::from(&license.license_id))
        }
    }

    /// That this happened to `license` on a machine.
    pub(crate) fn machine_event(&self, r#type: EventType, license: &License, machine: &Fingerprint) -> Result<Event> {
        Ok(self.event(r#type, license)?.of_machine(machine))
    }

    /// That this happened to what is an owner's and no license: an entry of the owner's audit log. `target` names what.
    pub fn entry(&self, r#type: EventType, owner: &OwnerId, target: &str) -> Result<Event> {
        let entry = self.filed(self.event_id()?, r#type, Subject::audit_log_of(owner));
        Ok(entry.with("target", target))
    }

    /// That this happened to an account: an entry of its own log.
    pub fn entry_of_account(&self, r#type: EventType, account: &AccountId) -> Result<Event> {
        Ok(self.filed(self.event_id()?, r#type, Subject::audit_log_of_account(account)))
    }

    /// That wrong passwords are shown in this hour by `who`: of an account or, where the address has none, of nobody's, which
    /// is kept no longer than the hour.
    pub(crate) fn wrong_passwords(&self, account: Option<&AccountId>, address: &Email, who: &str) -> Event {
        let hour = self.now.hour();
        let (subject, expires_at) = match account {
            Some(account) => (Subject::audit_log_of_account(account), None),
            None => (Subject::no_account(address), Some((hour + HOUR).seconds())),
        };
        let event = self.filed(
            EventId::of_hour(hour, &format!("{subject}#{who}")),
            EventType::WrongPassword,
            subject,
        );
        Event {
            at: hour,
            expires_at: expires_at.or(event.expires_at),
            ..event
        }
    }

    /// As [`Audit::entry`], with each field's value before and after.
    pub(crate) fn entry_of_change<T: Serialize>(
        &self,
        r#type: EventType,
        owner: &OwnerId,
        target: &str,
        (before, after): (&T, &T),
    ) -> Result<Event> {
        let fields = |of: &T| match serde_json::to_value(of) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Error::internal("an entity is no object")),
            Err(error) => Err(Error::internal(error)),
        };
        let changes = changes_between(fields(before)?, fields(after)?);
        Ok(self.entry(r#type, owner, target)?.with("changes", changes))
    }

    fn filed(&self, event_id: EventId, r#type: EventType, subject: Subject) -> Event {
        Event {
            subject,
            event_id,
            owner_id: None,
            r#type,
            at: self.now,
            actor: self.origin.actor.clone(),
            ip: self.origin.address.ip(),
            user_agent: self.origin.user_agent.clone(),
            request_id: self.origin.request_id.clone(),
            fingerprint: None,
            count: None,
            details: serde_json::Map::new(),
            expires_at: self.retention.map(|retention| (self.now + retention).seconds()),
        }
    }
}
