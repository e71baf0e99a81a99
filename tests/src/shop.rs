//! An organisation that sells by `/v1`: its product, an API key of it, and its licenses.

use http::Method;
use keystead_core::{
    owner::{
        OwnerId,
        api_key::{KeyPurpose, RawApiKey},
        permission::{Permission, Permissions},
        product_key::{NewProductKey, ProductKey, ProductKeyId},
    },
    product::ProductId,
    store::meter::Usage,
    value::name::Name,
};
use serde_json::{Value, json};

use crate::{Answer, Person, TestApp, TestLicense, merged, request};

/// An organisation that sells by `/v1`.
#[derive(Clone)]
pub struct Shop {
    app: TestApp,
    /// Its owner.
    pub owner: Person,
    /// Its id.
    pub org: String,
    /// The id of its product.
    pub product: String,
    /// An API key of the product, which may do everything.
    pub key: String,
}

impl TestApp {
    /// An organisation that sells by `/v1`.
    pub async fn shop(&self) -> Shop {
        let owner = self.person("seller@example.com").await;
        let org = owner.organisation("Seller").await;
        let product = "sold".to_owned();
        self.make_product(&product, &org, "live").await;
        let key = self.product_key(&org, &product, None).await;
        Shop {
            app: self.clone(),
            owner,
            org,
            product,
            key,
        }
    }

    /// An API key of a product, with these permissions or all.
    pub async fn product_key(&self, owner: &str, product: &str, permissions: Option<&[Permission]>) -> String {
        let secret = RawApiKey::new_for(KeyPurpose::Product, &self.cx.ids).expect("a key");
        let new = NewProductKey {
            owner_id: OwnerId::parse(owner).expect("an owner"),
            product_id: ProductId::parse(product).expect("a product"),
            name: Name::parse("of the tests").expect("a name"),
            permissions: Permissions::granted(permissions).expect("permissions"),
            expires_at: None,
        };
        let id = ProductKeyId::new(&self.cx.ids).expect("an id");
        let key = ProductKey::new(id, &secret, new, self.now());
        let audit = self.cx.audit(&keystead_core::audit::Origin::keystead());
        self.cx.store.product_key_create(&key, &audit).await.expect("a key");
        secret.reveal().to_owned()
    }
}

impl Shop {
    /// The same, asked by somebody else, or by its owner after they have signed in again.
    #[must_use]
    pub fn asked_by(&self, owner: Person) -> Self {
        Self { owner, ..self.clone() }
    }

    /// The same, of another product, for which its key is not.
    #[must_use]
    pub fn selling(&self, product: &str) -> Self {
        Self {
            product: product.to_owned(),
            ..self.clone()
        }
    }

    /// The same, after its owner has signed in again.
    pub async fn signed_in(&self) -> Self {
        self.asked_by(Person::sign_in(&self.app, &self.owner.email).await)
    }

    /// Makes a license, with these fields of the request.
    pub async fn license(&self, fields: Value) -> (TestLicense, Value) {
        let asked = merged(json!({ "productId": self.product }), fields);
        let made = self
            .owner
            .post(&format!("/v1/dashboard/orgs/{}/licenses", self.org), asked)
            .await;
        let license = made.expect(201)["data"]["license"].clone();
        let key = license["key"].as_str().expect("a key").to_owned();
        (TestLicense { key }, license)
    }

    /// Makes a license with these limits of its policy.
    pub async fn limited(&self, limits: Value) -> (TestLicense, Value) {
        self.license(json!({ "policyOverride": { "v": 1, "limits": limits } }))
            .await
    }

    /// `POST /v1/licenses/authorize`, with these fields beside the product and the license.
    pub async fn authorize(&self, license: &TestLicense, fields: Value) -> Answer {
        self.authorize_metered(license, fields).await.0
    }

    /// As [`Shop::authorize`]; answers beside it what it cost at DynamoDB.
    pub async fn authorize_metered(&self, license: &TestLicense, fields: Value) -> (Answer, Usage) {
        let body = merged(json!({ "productId": self.product, "licenseKey": license.key }), fields);
        self.authorize_by(&self.key, body).await
    }

    /// `POST /v1/licenses/authorize` with another key.
    pub async fn authorize_by(&self, key: &str, body: Value) -> (Answer, Usage) {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str())];
        let body = body.to_string();
        let asked = request(&Method::POST, "/v1/licenses/authorize", &headers, body.as_bytes());
        self.app.send(asked).await
    }

    /// Asks the owner's API about a license.
    pub async fn of(&self, license: &Value, method: &str, rest: &str, body: Value) -> Answer {
        let path = format!(
            "/v1/dashboard/licenses/{}{rest}",
            license["id"].as_str().expect("an id")
        );
        if method == "GET" {
            self.owner.get(&path).await
        } else {
            self.owner.ask(method, &path, body).await
        }
    }

    /// Asks the API of back ends about licenses, by [`Shop::key`].
    pub async fn by_key(&self, method: &str, rest: &str, body: Value) -> Answer {
        self.by(&self.key, method, rest, body).await
    }

    /// Asks the API of back ends about licenses, by another key.
    pub async fn by(&self, key: &str, method: &str, rest: &str, body: Value) -> Answer {
        let path = format!("/v1/products/{}/licenses{rest}", self.product);
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str())];
        let body = if method == "GET" {
            String::new()
        } else {
            body.to_string()
        };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.app
            .send(request(&method, &path, &headers, body.as_bytes()))
            .await
            .0
    }

    /// Asks the owner's API about many licenses at once.
    pub async fn of_many(&self, verb: &str, body: Value) -> Answer {
        self.owner
            .post(&format!("/v1/dashboard/orgs/{}/licenses/{verb}", self.org), body)
            .await
    }
}
