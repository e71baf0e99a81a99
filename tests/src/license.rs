//! Licenses to test with.

use keystead_core::license::{License, LicenseKey};
use serde_json::{Value, json};

use crate::{PRODUCT, TestApp, merged};

/// A license that a test made.
#[derive(Clone, Debug)]
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
    /// Brings it into another state, as an administrator or the enforcement rules would.
    pub async fn change(&self, app: &TestApp, change: impl Fn(&License) -> License) {
        let key = LicenseKey::parse(&self.key).expect("a key");
        let license = app
            .cx
            .store
            .held_license(&key)
            .await
            .expect("a read")
            .expect("the license is there");
        app.cx
            .store
            .change_license(license, |license| Ok(Some(change(license))))
            .await
            .expect("a change");
    }
}
