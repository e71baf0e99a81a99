//! Policy: what a license allows by `/v1`, and how that translates into the terms of the flat API.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use crate::{
    license::seats::{LicenseType, SeatLimit, Seats},
    value::json_schema::schema,
};

/// What a license allows. It is kept and shown as it was given; what is absent is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    v: Version,
    /// The limits.
    pub limits: Limits,
}

/// The version of the policy document, of which there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Version;

impl Version {
    const NUMBER: u64 = 1;
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(Self::NUMBER)
    }
}

/// The limits of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Of machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hwid: Option<HwidLimit>,
    /// Of addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpLimit>,
    /// Of sessions at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<ConcurrencyLimit>,
    /// Of resets of the first two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_budget: Option<ResetBudget>,
}

/// How many machines a license may be used on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HwidLimit {
    /// Any number, which are noted all the same.
    Unlimited,
    /// The first one, and no other.
    Sticky,
    /// So many.
    Limit {
        /// How many.
        max_distinct: u32,
    },
}

/// From how many addresses a license may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum IpLimit {
    /// From any number, which are noted all the same.
    Unlimited {
        /// What is noted, when that is not the address.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit_type: Option<AddressKind>,
    },
    /// From the first one, and no other.
    Sticky {
        /// What counts as one, when that is not an address.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit_type: Option<AddressKind>,
    },
    /// From so many within a window.
    Limit {
        /// How many.
        max_distinct: u32,
        /// How many days the window is long; without an end, when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        window_days: Option<u32>,
        /// What counts as one, when that is not an address.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit_type: Option<AddressKind>,
    },
}

/// What counts as one where addresses are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressKind {
    /// An address.
    #[default]
    Ip,
    /// A country. All addresses whose country nobody tells are in one.
    Region,
}

/// How many sessions may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ConcurrencyLimit {
    /// Any number.
    Unlimited,
    /// So many.
    Limit {
        /// How many.
        max_active: u32,
    },
}

/// How often what a license is bound to may be reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResetBudget {
    /// The machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hwid: Option<Budget>,
    /// The addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Budget>,
}

/// How often something may be reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// How often in all; as often as one likes, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How many hours must lie between two resets, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown_hours: Option<u32>,
}

/// What is wrong with a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Where, from the document on: `limits.hwid.maxDistinct`. Empty of a document that is no object.
    pub field: String,
    /// What should be there; ends the sentence "the field must be ...".
    pub expected: &'static str,
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} must be {}", self.field, self.expected)
    }
}

impl std::error::Error for PolicyError {}

impl Policy {
    /// Everything goes.
    pub const UNLIMITED: Self = Self::of(Limits {
        hwid: None,
        ip: None,
        concurrency: None,
        reset_budget: None,
    });

    /// The most machines, addresses or sessions that a policy can name.
    pub const MOST: u32 = 1_000_000;

    /// A policy with these limits.
    pub const fn of(limits: Limits) -> Self {
        Self { v: Version, limits }
    }

    /// The policy that a document is.
    ///
    /// # Errors
    /// The first field that is unknown, missing, out of its range or in contradiction to another.
    pub fn parse(document: &Value) -> Result<Self, PolicyError> {
        let document = Section::of("", document)?;
        document.knows(&["v", "limits"])?;
        // Some languages write whole numbers with a fraction.
        if document.number("v", 1, 1, "1")? != Some(1) {
            return Err(document.error("v", "1"));
        }
        let Some(limits) = document.section("limits")? else {
            return Err(document.error("limits", "an object"));
        };
        limits.knows(&["hwid", "ip", "concurrency", "resetBudget"])?;
        let section = |name: &str| limits.section(name);
        Ok(Self::of(Limits {
            hwid: section("hwid")?.map(|section| section.hwid()).transpose()?,
            ip: section("ip")?.map(|section| section.ip()).transpose()?,
            concurrency: section("concurrency")?
                .map(|section| section.concurrency())
                .transpose()?,
            reset_budget: section("resetBudget")?.map(|section| section.resets()).transpose()?,
        }))
    }

    /// The policy that says what flat terms say.
    pub fn of_seats(seats: &Seats) -> Self {
        let machines = match seats.machine_limit() {
            SeatLimit::Limited(max_distinct) => HwidLimit::Limit { max_distinct },
            SeatLimit::Unlimited => HwidLimit::Unlimited,
        };
        let sessions = seats.session_limit().map(|limit| match limit {
            SeatLimit::Limited(max_active) => ConcurrencyLimit::Limit { max_active },
            SeatLimit::Unlimited => ConcurrencyLimit::Unlimited,
        });
        Self::of(Limits {
            hwid: Some(machines),
            concurrency: sessions,
            ..Limits::default()
        })
    }

    /// The flat terms that say what the policy says: the type, the number of machines, and that of sessions. Where none do,
    /// because it limits machines and sessions at once, they are those of its sessions: no flat client gets more.
    pub fn terms(&self) -> (LicenseType, SeatLimit, Option<SeatLimit>) {
        match (self.session_limit(), self.machine_limit()) {
            (SeatLimit::Limited(sessions), _) => (LicenseType::Floating, SeatLimit::Limited(sessions), None),
            (SeatLimit::Unlimited, SeatLimit::Limited(machines)) => {
                (LicenseType::PerMachine, SeatLimit::Limited(machines), None)
            }
            (SeatLimit::Unlimited, SeatLimit::Unlimited) => (LicenseType::Site, SeatLimit::Unlimited, None),
        }
    }

    /// How many machines it allows. Any of an unlimited policy may come without a name.
    pub fn machine_limit(&self) -> SeatLimit {
        match self.limits.hwid {
            None | Some(HwidLimit::Unlimited) => SeatLimit::Unlimited,
            Some(HwidLimit::Sticky) => SeatLimit::Limited(1),
            Some(HwidLimit::Limit { max_distinct }) => SeatLimit::Limited(max_distinct),
        }
    }

    /// From how many addresses, or countries, it lets a license be used.
    pub fn address_limit(&self) -> SeatLimit {
        match self.limits.ip {
            None | Some(IpLimit::Unlimited { .. }) => SeatLimit::Unlimited,
            Some(IpLimit::Sticky { .. }) => SeatLimit::Limited(1),
            Some(IpLimit::Limit { max_distinct, .. }) => SeatLimit::Limited(max_distinct),
        }
    }

    /// What it counts where addresses are counted.
    pub fn address_kind(&self) -> AddressKind {
        match self.limits.ip {
            None => AddressKind::default(),
            Some(
                IpLimit::Unlimited { limit_type } | IpLimit::Sticky { limit_type } | IpLimit::Limit { limit_type, .. },
            ) => limit_type.unwrap_or_default(),
        }
    }

    /// For how many days an address counts after it was last seen; for good, when `None`.
    pub fn address_window_days(&self) -> Option<u32> {
        match self.limits.ip {
            None | Some(IpLimit::Unlimited { .. } | IpLimit::Sticky { .. }) => None,
            Some(IpLimit::Limit { window_days, .. }) => window_days,
        }
    }

    /// How many sessions it allows at once.
    pub fn session_limit(&self) -> SeatLimit {
        match self.limits.concurrency {
            None | Some(ConcurrencyLimit::Unlimited) => SeatLimit::Unlimited,
            Some(ConcurrencyLimit::Limit { max_active }) => SeatLimit::Limited(max_active),
        }
    }
}

/// An object within a policy document, and where it is.
struct Section<'a> {
    path: String,
    fields: &'a Map<String, Value>,
}

impl<'a> Section<'a> {
    fn of(path: &str, value: &'a Value) -> Result<Self, PolicyError> {
        let fields = value.as_object().ok_or_else(|| PolicyError {
            field: path.to_owned(),
            expected: "an object",
        })?;
        Ok(Self {
            path: path.to_owned(),
            fields,
        })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn error(&self, name: &str, expected: &'static str) -> PolicyError {
        PolicyError {
            field: self.path_of(name),
            expected,
        }
    }

    /// That the section has no other fields than these.
    fn knows(&self, names: &[&str]) -> Result<(), PolicyError> {
        match self.fields.keys().find(|name| !names.contains(&name.as_str())) {
            Some(unknown) => Err(self.error(unknown, "absent: no policy has such a field")),
            None => Ok(()),
        }
    }

    /// That a field is absent, which makes no sense beside the section's mode.
    fn without(&self, name: &str, expected: &'static str) -> Result<(), PolicyError> {
        match self.value(name) {
            Some(_) => Err(self.error(name, expected)),
            None => Ok(()),
        }
    }

    /// A field's value. One that is null is absent.
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn section(&self, name: &str) -> Result<Option<Self>, PolicyError> {
        let value = self.value(name);
        value.map(|value| Section::of(&self.path_of(name), value)).transpose()
    }

    fn number(&self, name: &str, least: u32, most: u32, expected: &'static str) -> Result<Option<u32>, PolicyError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let whole = || value.as_f64().filter(|number| number.fract() == 0.0);
        let number = value.as_i64().or_else(|| whole().map(|number| number as i64));
        let number = number.and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.error(name, expected)),
        }
    }

    fn limit(&self, name: &str) -> Result<u32, PolicyError> {
        const EXPECTED: &str = "a whole number from 1 to 1000000 where the mode is limit";
        let limit = self.number(name, 1, Policy::MOST, EXPECTED)?;
        limit.ok_or_else(|| self.error(name, EXPECTED))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name).and_then(Value::as_str)
    }

    fn hwid(&self) -> Result<HwidLimit, PolicyError> {
        self.knows(&["mode", "maxDistinct"])?;
        let limit = match self.text("mode") {
            Some("unlimited") => HwidLimit::Unlimited,
            Some("sticky") => HwidLimit::Sticky,
            Some("limit") => {
                return Ok(HwidLimit::Limit {
                    max_distinct: self.limit("maxDistinct")?,
                });
            }
            Some(_) | None => return Err(self.error("mode", "one of unlimited, sticky and limit")),
        };
        self.without("maxDistinct", "absent unless the mode is limit")?;
        Ok(limit)
    }

    fn ip(&self) -> Result<IpLimit, PolicyError> {
        self.knows(&["mode", "maxDistinct", "windowDays", "limitType"])?;
        let limit_type = match (self.value("limitType"), self.text("limitType")) {
            (None, _) => None,
            (Some(_), Some("ip")) => Some(AddressKind::Ip),
            (Some(_), Some("region")) => Some(AddressKind::Region),
            (Some(_), Some(_) | None) => return Err(self.error("limitType", "one of ip and region")),
        };
        let limit = match self.text("mode") {
            Some("unlimited") => IpLimit::Unlimited { limit_type },
            Some("sticky") => IpLimit::Sticky { limit_type },
            Some("limit") => {
                return Ok(IpLimit::Limit {
                    max_distinct: self.limit("maxDistinct")?,
                    window_days: self.number("windowDays", 1, 3650, "a whole number from 1 to 3650")?,
                    limit_type,
                });
            }
            Some(_) | None => return Err(self.error("mode", "one of unlimited, sticky and limit")),
        };
        self.without("maxDistinct", "absent unless the mode is limit")?;
        self.without("windowDays", "absent unless the mode is limit")?;
        Ok(limit)
    }

    fn concurrency(&self) -> Result<ConcurrencyLimit, PolicyError> {
        self.knows(&["mode", "maxActive"])?;
        match self.text("mode") {
            Some("unlimited") => {
                self.without("maxActive", "absent unless the mode is limit")?;
                Ok(ConcurrencyLimit::Unlimited)
            }
            Some("limit") => Ok(ConcurrencyLimit::Limit {
                max_active: self.limit("maxActive")?,
            }),
            Some(_) | None => Err(self.error("mode", "one of unlimited and limit")),
        }
    }

    fn resets(&self) -> Result<ResetBudget, PolicyError> {
        self.knows(&["hwid", "ip"])?;
        Ok(ResetBudget {
            hwid: self.section("hwid")?.map(|section| section.budget()).transpose()?,
            ip: self.section("ip")?.map(|section| section.budget()).transpose()?,
        })
    }

    fn budget(&self) -> Result<Budget, PolicyError> {
        self.knows(&["max", "cooldownHours"])?;
        Ok(Budget {
            max: self.number("max", 0, Policy::MOST, "a whole number from 0 to 1000000")?,
            cooldown_hours: self.number("cooldownHours", 0, 87_600, "a whole number from 0 to 87600")?,
        })
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::parse(&document).map_err(de::Error::custom)
    }
}

schema!(Policy, {
    "type": "object",
    "description": "What a license allows. What is absent is unlimited.",
    "required": ["v", "limits"],
    "additionalProperties": false,
    "properties": {
        "v": { "const": 1 },
        "limits": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "hwid": {
                    "type": "object",
                    "required": ["mode"],
                    "additionalProperties": false,
                    "properties": {
                        "mode": { "enum": ["unlimited", "sticky", "limit"] },
                        "maxDistinct": { "type": "integer", "minimum": 1, "maximum": 1_000_000 }
                    }
                },
                "ip": {
                    "type": "object",
                    "required": ["mode"],
                    "additionalProperties": false,
                    "properties": {
                        "mode": { "enum": ["unlimited", "sticky", "limit"] },
                        "maxDistinct": { "type": "integer", "minimum": 1, "maximum": 1_000_000 },
                        "windowDays": { "type": "integer", "minimum": 1, "maximum": 3650 },
                        "limitType": { "enum": ["ip", "region"] }
                    }
                },
                "concurrency": {
                    "type": "object",
                    "required": ["mode"],
                    "additionalProperties": false,
                    "properties": {
                        "mode": { "enum": ["unlimited", "limit"] },
                        "maxActive": { "type": "integer", "minimum": 1, "maximum": 1_000_000 }
                    }
                },
                "resetBudget": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "hwid": { "type": "object" },
                        "ip": { "type": "object" }
                    }
                }
            }
        }
    }
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(limits: &Value) -> Policy {
        Policy::parse(&json!({ "v": 1, "limits": limits })).expect("a policy")
    }

    #[test]
    fn a_policy_is_shown_and_stored_as_it_was_given() {
        let documents = [
            json!({"v":1,"limits":{"hwid":{"mode":"limit","maxDistinct":3},
                "ip":{"mode":"limit","maxDistinct":5,"windowDays":30,"limitType":"ip"},
                "concurrency":{"mode":"limit","maxActive":2},
                "resetBudget":{"hwid":{"max":3,"cooldownHours":24},"ip":{"max":5,"cooldownHours":12}}}}),
            json!({"v":1,"limits":{}}),
            json!({"v":1,"limits":{"hwid":{"mode":"unlimited"},"concurrency":{"mode":"unlimited"}}}),
            json!({"v":1,"limits":{"hwid":{"mode":"sticky"},"ip":{"mode":"sticky","limitType":"region"}}}),
            json!({"v":1,"limits":{"ip":{"mode":"limit","maxDistinct":1},"resetBudget":{"hwid":{"max":0}}}}),
        ];
        for document in documents {
            let policy = Policy::parse(&document).expect("a policy");
            assert_eq!(serde_json::to_value(policy).expect("a value"), document);
            let read: Policy = serde_json::from_value(document).expect("a policy");
            assert_eq!(read, policy);
        }
    }

    #[test]
    fn a_policy_that_is_malformed_names_the_field() {
        let cases = [
            (json!(null), ""),
            (json!([]), ""),
            (json!({"limits":{}}), "v"),
            (json!({"v":2,"limits":{}}), "v"),
            (json!({"v":"1","limits":{}}), "v"),
            (json!({"v":1}), "limits"),
            (json!({"v":1,"limits":[]}), "limits"),
            (json!({"v":1,"limits":{},"more":1}), "more"),
        ];
        for (document, field) in cases {
            assert_eq!(
                Policy::parse(&document).expect_err("an error").field,
                field,
                "{document}"
            );
        }
        let cases = [
            (json!({"device":{}}), "limits.device"),
            (json!({"hwid":{}}), "limits.hwid.mode"),
            (json!({"hwid":{"mode":"some"}}), "limits.hwid.mode"),
            (json!({"hwid":{"mode":"limit"}}), "limits.hwid.maxDistinct"),
            (
                json!({"hwid":{"mode":"limit","maxDistinct":0}}),
                "limits.hwid.maxDistinct",
            ),
            (
                json!({"hwid":{"mode":"limit","maxDistinct":1.5}}),
                "limits.hwid.maxDistinct",
            ),
            (
                json!({"hwid":{"mode":"limit","maxDistinct":1_000_001}}),
                "limits.hwid.maxDistinct",
            ),
            (
                json!({"hwid":{"mode":"unlimited","maxDistinct":1}}),
                "limits.hwid.maxDistinct",
            ),
            (
                json!({"hwid":{"mode":"sticky","maxDistinct":1}}),
                "limits.hwid.maxDistinct",
            ),
            (
                json!({"hwid":{"mode":"unlimited","windowDays":1}}),
                "limits.hwid.windowDays",
            ),
            (json!({"ip":{"mode":"limit"}}), "limits.ip.maxDistinct"),
            (
                json!({"ip":{"mode":"unlimited","maxDistinct":1}}),
                "limits.ip.maxDistinct",
            ),
            (json!({"ip":{"mode":"sticky","windowDays":1}}), "limits.ip.windowDays"),
            (
                json!({"ip":{"mode":"limit","maxDistinct":1,"windowDays":0}}),
                "limits.ip.windowDays",
            ),
            (
                json!({"ip":{"mode":"limit","maxDistinct":1,"windowDays":3651}}),
                "limits.ip.windowDays",
            ),
            (
                json!({"ip":{"mode":"limit","maxDistinct":1,"limitType":"city"}}),
                "limits.ip.limitType",
            ),
            (
                json!({"ip":{"mode":"limit","maxDistinct":1,"limitType":7}}),
                "limits.ip.limitType",
            ),
            (json!({"concurrency":{"mode":"sticky"}}), "limits.concurrency.mode"),
            (json!({"concurrency":{"mode":"limit"}}), "limits.concurrency.maxActive"),
            (
                json!({"concurrency":{"mode":"unlimited","maxActive":2}}),
                "limits.concurrency.maxActive",
            ),
            (json!({"resetBudget":{"session":{}}}), "limits.resetBudget.session"),
            (
                json!({"resetBudget":{"hwid":{"max":-1}}}),
                "limits.resetBudget.hwid.max",
            ),
            (
                json!({"resetBudget":{"ip":{"cooldownHours":87_601}}}),
                "limits.resetBudget.ip.cooldownHours",
            ),
        ];
        for (limits, field) in cases {
            let document = json!({ "v": 1, "limits": limits });
            assert_eq!(
                Policy::parse(&document).expect_err("an error").field,
                field,
                "{document}"
            );
        }
    }

    #[test]
    fn flat_terms_and_policies_translate_both_ways() {
        use LicenseType::{Floating, PerMachine, Site};
        use SeatLimit::{Limited, Unlimited};

        let (hwid, sessions) = (
            |n: u32| json!({"hwid":{"mode":"limit","maxDistinct":n}}),
            |n: u32| json!({"hwid":{"mode":"unlimited"},"concurrency":{"mode":"limit","maxActive":n}}),
        );
        let unlimited = json!({"hwid":{"mode":"unlimited"}});
        let both_ways = [
            ((PerMachine, Limited(3), None), hwid(3)),
            ((Site, Unlimited, None), unlimited.clone()),
            ((Floating, Limited(4), None), sessions(4)),
        ];
        for ((license_type, machines, concurrent), limits) in both_ways {
            let seats = Seats::new(license_type, machines, concurrent);
            assert_eq!(Policy::of_seats(&seats), policy(&limits), "{license_type}");
            assert_eq!(
                policy(&limits).terms(),
                (license_type, machines, concurrent),
                "{limits}"
            );
        }
        let only_to_policies = [
            ((PerMachine, Unlimited, None), unlimited.clone()),
            ((Site, Limited(5), None), unlimited.clone()),
            ((Floating, Limited(9), Some(Limited(2))), sessions(2)),
            (
                (Floating, Unlimited, None),
                json!({"hwid":{"mode":"unlimited"},"concurrency":{"mode":"unlimited"}}),
            ),
        ];
        for ((license_type, machines, concurrent), limits) in only_to_policies {
            let seats = Seats::new(license_type, machines, concurrent);
            assert_eq!(Policy::of_seats(&seats), policy(&limits), "{license_type} {machines}");
        }
        let only_to_terms = [
            (json!({}), (Site, Unlimited, None)),
            (json!({"hwid":{"mode":"sticky"}}), (PerMachine, Limited(1), None)),
            (
                json!({"hwid":{"mode":"sticky"},"concurrency":{"mode":"limit","maxActive":2}}),
                (Floating, Limited(2), None),
            ),
            (
                json!({"hwid":{"mode":"limit","maxDistinct":5},"concurrency":{"mode":"limit","maxActive":2}}),
                (Floating, Limited(2), None),
            ),
            (json!({"ip":{"mode":"sticky"}}), (Site, Unlimited, None)),
        ];
        for (limits, terms) in only_to_terms {
            assert_eq!(policy(&limits).terms(), terms, "{limits}");
        }
    }
}
