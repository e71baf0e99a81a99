//! What the functions are asked about.

use keystead_benches::{
    connection::{Connection, Target},
    scenario::Scenario,
    setup::Plan,
    supply::{License, activate, fingerprint},
};
use serde_json::{Value, json};

use crate::{PRODUCT, VALIDATE_KEY, server::Server};

/// The licenses that are asked for.
pub(crate) struct Supply {
    target: Target,
    /// With a machine on each.
    pub(crate) known: Vec<License>,
    /// Floating, with a session on each.
    pub(crate) floating: Vec<License>,
    /// For any number of machines: those of `activate`, and those that `deactivate` takes off.
    pub(crate) growing: Vec<License>,
    shrinking: Vec<License>,
}

impl Supply {
    pub(crate) fn create(server: &Server, licenses: usize) -> Result<Self, String> {
        let target = Target::find(&server.url)?;
        let create = |scenario| {
            Plan {
                target: &target,
                admin_secret: &server.admin_secret,
                product: PRODUCT,
                scenario,
                licenses,
                connections: 2,
            }
            .carry_out()
        };
        Ok(Self {
            known: create(Scenario::Validate)?,
            floating: create(Scenario::Heartbeat)?,
            growing: create(Scenario::Activate)?,
            shrinking: create(Scenario::Activate)?,
            target,
        })
    }

    /// A machine that is active, on the license of this turn.
    pub(crate) fn activated(&self, turn: usize, number: usize) -> Result<Value, String> {
        let license = self.shrinking.get(turn).ok_or("There are too few licenses.")?;
        let (key, fingerprint) = (license.key.clone(), fingerprint(turn, number));
        let answer = self.ask("activate", &activate(&self.target, PRODUCT, &key, &fingerprint))?;
        match answer["token"].as_str() {
            Some(token) => Ok(json!({ "licenseKey": key, "machineFingerprint": fingerprint, "token": token })),
            None => Err("POST /activate answered no token.".to_owned()),
        }
    }

    /// A machine that the key of this turn's license is bound to.
    pub(crate) fn bound(&self, turn: usize) -> Result<Value, String> {
        let license = self.known.get(turn).ok_or("There are too few licenses.")?;
        let validate = json!({ "key": license.key, "hwid": fingerprint(turn, 0) });
        let answer = self.ask(VALIDATE_KEY, &self.target.post(VALIDATE_KEY, &validate))?;
        match answer["valid"].as_bool() {
            Some(true) => Ok(validate),
            _ => Err(format!("POST /{VALIDATE_KEY} found no key good.")),
        }
    }

    /// What the server answers. Each time over a connection of its own: an idle one is closed by then.
    fn ask(&self, endpoint: &str, request: &[u8]) -> Result<Value, String> {
        let mut connection = Connection::open(&self.target).map_err(|error| format!("Cannot connect: {error}."))?;
        let reply = connection
            .exchange(request)
            .map_err(|error| format!("POST /{endpoint} had no answer: {error}."))?;
        if !reply.is_success() {
            return Err(format!("POST /{endpoint} answered {}.", reply.status));
        }
        serde_json::from_slice(reply.body).map_err(|error| format!("POST /{endpoint} answered no JSON: {error}."))
    }
}
