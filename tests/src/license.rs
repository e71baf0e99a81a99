//! Licenses to test with.

use keystead_core::{
    audit::{Audit, Origin},
    event::EventType,
    license::{
        License,
        key::LicenseKey,
        standing::{LicenseStatus, StandingState, SuspendedBy, Suspension},
    },
    store::schema,
};
use serde_json::{Value, json};

use crate::{PRODUCT, TestApp, merged};

/// A license that a test made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLicense {
    /// Its key.
    pub key: String,
}

/// How a license is brought into another state.
type Change = Box<dyn Fn(&License) -> License + Send + Sync>;

/// A license that is yet to be made, by `POST /createLicense`.
pub struct LicenseBuilder {
    app: TestApp,
    fields: Value,
    change: Option<Change>,
}

impl LicenseBuilder {
    pub(crate) fn new(app: &TestApp) -> Self {
        let fields = json!({ "email": "customer@example.com", "productId": PRODUCT });
        Self {
            app: app.clone(),
            fields,
            change: None,
        }
    }

    /// With this field of `/createLicense`.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields = merged(self.fields, json!({ field: value.into() }));
        self
    }

    /// With this many machines; -1 for any number.
    #[must_use]
    pub fn max_machines(self, max: i64) -> Self {
        self.with("maxMachines", max)
    }

    /// Floating, with this many sessions at once.
    #[must_use]
    pub fn floating(self, sessions: i64) -> Self {
        self.with("licenseType", "floating").with("maxMachines", sessions)
    }

    /// Brought into a state that no endpoint brings it into on demand.
    #[must_use]
    pub fn changed(mut self, change: impl Fn(&License) -> License + Send + Sync + 'static) -> Self {
        self.change = Some(Box::new(change));
        self
    }

    /// Degraded: it was caught at something.
    #[must_use]
    pub fn degraded(self) -> Self {
        self.changed(|license| License {
            standing: StandingState {
                status: LicenseStatus::Degraded,
                ..license.standing.clone()
            },
            ..license.clone()
        })
    }

    /// Suspended the moment it was made.
    #[must_use]
    pub fn suspended(self, by: SuspendedBy) -> Self {
        self.changed(move |license| License {
            standing: StandingState {
                status: LicenseStatus::Suspended,
                suspension: Some(Suspension {
                    at: license.created_at,
                    by,
                    blocks_from: None,
                }),
                ..license.standing.clone()
            },
            ..license.clone()
        })
    }

    /// Makes it.
    pub async fn create(self) -> TestLicense {
        let answer = self.app.admin().post("/createLicense", self.fields).await;
        let key = answer.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
        let license = TestLicense { key };
        if let Some(change) = self.change {
            license.change(&self.app, change).await;
        }
        license
    }
}

impl TestLicense {
    /// Revokes it, as an administrator.
    pub async fn revoke(&self, app: &TestApp) {
        let asked = json!({ "licenseKey": self.key });
        app.admin().post("/revokeLicense", asked).await.expect(200);
    }

    /// Degrades it.
    pub async fn degrade(&self, app: &TestApp) {
        let degraded = |license: &License| License {
            standing: StandingState {
                status: LicenseStatus::Degraded,
                ..license.standing.clone()
            },
            ..license.clone()
        };
        self.change(app, degraded).await;
    }

    /// Suspends it now.
    pub async fn suspend(&self, app: &TestApp, by: SuspendedBy) {
        let at = app.now();
        let suspended = |license: &License| License {
            standing: StandingState {
                status: LicenseStatus::Suspended,
                suspension: Some(Suspension {
                    at,
                    by,
                    blocks_from: None,
                }),
                ..license.standing.clone()
            },
            ..license.clone()
        };
        self.change(app, suspended).await;
    }

    /// Notes an unresolved violation of it, and leaves its level and status as they are.
    pub async fn caught(&self, app: &TestApp, violation: &str, severity: &str) {
        let license = app.stored(self).await;
        app.put_item(
            &schema::VIOLATIONS,
            json!({
                "licenseId": { "S": license.license_id.as_str() },
                "violationId": { "S": violation },
                "type": { "S": "geo_spread" },
                "severity": { "S": severity },
                "detectedAt": { "S": app.now().to_string() },
                "resolved": { "BOOL": false },
                "details": { "M": {} },
            }),
        );
        let count = json!({ "N": (license.watch.unresolved_violations + 1).to_string() });
        app.set_attribute(&schema::LICENSES, &self.key, None, "watch.unresolvedViolations", count);
    }

    /// Brings it into another state, as an administrator or the enforcement rules would.
    pub async fn change(&self, app: &TestApp, change: impl Fn(&License) -> License) {
        let key = LicenseKey::parse(&self.key).expect("a key");
        let license = app
            .cx
            .store
            .license_get_unscoped(&key)
            .await
            .expect("a read")
            .expect("the license is there");
        let audit = Audit {
            origin: Origin::keystead(),
            now: app.now(),
            retention: None,
            ids: app.cx.ids.clone(),
        };
        app.cx
            .store
            .license_change(license, EventType::Updated, &audit, |license| Ok(Some(change(license))))
            .await
            .expect("a change");
    }
}
