//! The test harness: the whole API in the test process, over real DynamoDB expressions, a database a test.
//!
//! Tests read as stories. They act as someone ([`TestApp::admin`], [`TestApp::creator`], [`TestApp::machine`],
//! [`TestApp::stranger`]), go through the real pipeline, and are given the time ([`TestApp::advance`]), so that nothing
//! sleeps. Every call of DynamoDB is a point at which other requests of the test go on, which is what makes races
//! likely; [`Faults`] makes calls fail or the process crash.

mod actors;
mod answer;
mod database;
mod document;
pub mod examples;
mod faults;
pub mod imports;
mod leak_check;
mod license;
mod person;
pub mod shop;
pub mod storm;
pub mod template;
pub mod token;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keystead_core::{
    Timestamp,
    account::password::Hashing,
    clock::Clock,
    config::Config,
    ids::Ids,
    license::{License, key::LicenseKey},
    request::{client_address::AddressBlock, trusted_proxy::TrustedProxy},
    signing::{keys::Algorithm, secrets::Secrets},
    store::{
        Connection, Store,
        meter::Usage,
        schema::{self, Table},
    },
};
use keystead_functions::{
    frame::{
        body::{BODY_LIMIT, BodyMode, RequestBody},
        context::Context,
        log::Log,
        mail::{Kept, Mailer},
        request::Incoming,
        route::Route,
        router::Router,
    },
    routes::{self},
};
use leak_check::LeakCheck;
use serde_json::{Map, Value, json};

pub use actors::{Admin, Creator, Machine, Store as PurchaseStore, Stranger, Stripe};
pub use answer::Answer;
pub use database::Database;
pub use document::{DOCUMENT, Field, REWRITE, fields};
pub use faults::{Fault, Faults};
pub use license::{LicenseBuilder, TestLicense};
pub use person::{PASSWORD, Person, token_in};

/// When every test begins.
pub const EPOCH: &str = "2030-01-01T00:00:00.000Z";

/// A minute.
pub const MINUTE: Duration = Duration::from_secs(60);
/// An hour.
pub const HOUR: Duration = Duration::from_secs(60 * 60);
/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The product that every test has, and its owner.
pub const PRODUCT: &str = "app";
/// The owner of [`PRODUCT`].
pub const OWNER: &str = "alice";

/// A service with a database of its own. Clones are the same service.
#[derive(Clone)]
pub struct TestApp {
    /// What the endpoints work with.
    pub cx: Arc<Context>,
    router: Arc<Router>,
    routes: Arc<Vec<Route>>,
    /// Injects faults into the calls of DynamoDB.
    pub faults: Faults,
    /// The database.
    pub database: Database,
    /// What was mailed.
    pub mails: Kept,
    leak_check: Arc<LeakCheck>,
    /// How many requests were sent to `/v1`.
    sent: Arc<AtomicU64>,
}

/// How a test's service differs from others.
#[derive(Default)]
pub struct Options {
    config: Config,
    secrets: Option<Secrets>,
    routes: Option<Vec<Route>>,
    /// How long what is sold is kept, if not as usual.
    product_ttl: Option<Duration>,
    /// Whom it trusts to tell addresses and countries, if not as usual.
    proxy: Option<TrustedProxy>,
    /// The time and the ids of the process that was before.
    before: Option<(Clock, Ids)>,
    /// Whether nobody has said whom mail is from.
    without_mail: bool,
}

impl Options {
    /// With nothing that could send mail.
    #[must_use]
    pub fn without_mail(mut self) -> Self {
        self.without_mail = true;
        self
    }

    /// With these settings.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Keeping what is sold for so long.
    #[must_use]
    pub fn product_ttl(self, kept: Duration) -> Self {
        Self {
            product_ttl: Some(kept),
            ..self
        }
    }

    /// Trusting this proxy only.
    #[must_use]
    pub fn trusting(self, proxy: TrustedProxy) -> Self {
        Self {
            proxy: Some(proxy),
            ..self
        }
    }

    /// With these credentials and keys.
    #[must_use]
    pub fn secrets(self, secrets: Secrets) -> Self {
        Self {
            secrets: Some(secrets),
            ..self
        }
    }

    /// With these routes instead of all.
    #[must_use]
    pub fn routes(self, routes: Vec<Route>) -> Self {
        Self {
            routes: Some(routes),
            ..self
        }
    }

    /// Starts the service.
    pub async fn start(self) -> TestApp {
        TestApp::over(Database::new(), self).await
    }
}

/// The credentials and keys of the tests: generated once a process, because RSA keys take a while.
pub fn secrets() -> &'static Secrets {
    static SECRETS: OnceLock<Secrets> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let mut secrets = keystead_keygen::secrets(Algorithm::Rs256, epoch()).expect("new secrets");
        secrets.credentials.stripe_webhook_secret = Some("whsec_of-the-tests".to_owned());
        secrets
    })
}

/// The address that every request of a story comes from, unless it says otherwise.
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The proxy that stories trust: at [`PEER`].
pub fn proxy() -> TrustedProxy {
    TrustedProxy {
        addresses: AddressBlock::parse("127.0.0.1").into_iter().collect(),
        secret: None,
        address_header: "x-forwarded-for".to_owned(),
        country_header: "cloudfront-viewer-country".to_owned(),
    }
}

/// [`EPOCH`] as a time.
pub fn epoch() -> Timestamp {
    Timestamp::parse(EPOCH).expect("the epoch is a time")
}

impl TestApp {
    /// A service with the product [`PRODUCT`] of the owner [`OWNER`].
    pub async fn start() -> Self {
        Options::default().start().await
    }

    /// A service over `database`, which may hold data already: a process after one that died.
    pub async fn over(database: Database, options: Options) -> Self {
        let faults = Faults::new(database.clone());
        // The SDK gives up retries when a region fails often; one test's failures are not another's.
        static REGIONS: AtomicU64 = AtomicU64::new(1);
        let connection = Connection {
            http: faults.client(),
            retries: true,
            region: format!("test-{}", REGIONS.fetch_add(1, Ordering::Relaxed)),
            measure_capacity: true,
            product_ttl: options.product_ttl.unwrap_or(Connection::PRODUCT_TTL),
            ..database.connection()
        };
        let store = Store::new(connection, "");
        store.table_create_all().await.expect("tables");
        let secrets = options.secrets.as_ref().unwrap_or_else(|| secrets());
        let (clock, ids) = options
            .before
            .unwrap_or_else(|| (Clock::given(epoch()), Ids::counted()));
        let mut config = options.config;
        // What a password costs is measured elsewhere.
        config.accounts.hashing = Hashing { memory: 8, passes: 1 };
        config.proxy = options.proxy.unwrap_or_else(proxy);
        let mails = Kept::default();
        let cx = Context {
            mailer: if options.without_mail {
                Mailer::NotSetUp
            } else {
                Mailer::Kept(mails.clone())
            },
            clock,
            ids,
            log: Log::memory(),
            ..Context::new(store, secrets, config).expect("a context")
        };
        let routes = options.routes.unwrap_or_else(routes::all);
        let router = Arc::new(Router::new(&routes).expect("a router"));
        let app = Self {
            leak_check: Arc::new(LeakCheck::new(database.clone(), cx.log.clone())),
            cx: Arc::new(cx),
            router,
            routes: Arc::new(routes),
            faults,
            database,
            mails,
            sent: Arc::default(),
        };
        // Of a database that was used before the product is there already.
        let product = json!({ "name": "App", "slug": PRODUCT, "creatorId": OWNER });
        app.admin().post("/createProduct", product).await;
        app
    }

    /// The same service, working with something else.
    #[must_use]
    pub fn with_context(&self, cx: Context) -> Self {
        Self {
            cx: Arc::new(cx),
            ..self.clone()
        }
    }

    /// The process that is started after this one died: with the same database, at the same time, without faults.
    pub async fn restarted(&self) -> Self {
        self.restarted_with(Options::default()).await
    }

    /// As [`TestApp::restarted`], but different.
    pub async fn restarted_with(&self, options: Options) -> Self {
        let before = Some((self.cx.clock.clone(), self.cx.ids.clone()));
        Self::over(self.database.clone(), Options { before, ..options }).await
    }

    /// Says that this, which a story shows where a credential belongs, is none. Every other may be nowhere when the story
    /// is over: in no table and not in the log.
    pub fn is_no_credential(&self, text: &str) {
        self.leak_check.allow(text);
    }

    /// The super admin.
    pub fn admin(&self) -> Admin {
        Admin::new(self)
    }

    /// An owner with an API key of their own.
    pub async fn creator(&self, owner: &str) -> Creator {
        Creator::new(self, owner).await
    }

    /// A store that tells of purchases by `/cgloungeWebhook`.
    pub fn store(&self) -> PurchaseStore {
        PurchaseStore::new(self)
    }

    /// Stripe.
    pub fn stripe(&self) -> Stripe {
        Stripe::new(self)
    }

    /// Where a Stripe account of an owner's tells of purchases, signing with `secret`.
    pub async fn stripe_endpoint(&self, owner: &str, secret: &str) -> String {
        let wanted = json!({ "creatorId": owner, "name": "stripe", "purpose": "stripe", "stripeSecret": secret });
        let answer = self.admin().post("/createApiKey", wanted).await;
        answer.expect(200)["apiKey"].as_str().expect("an endpoint").to_owned()
    }

    /// A machine.
    pub fn machine(&self, name: &str) -> Machine {
        Machine::new(self, name)
    }

    /// Someone without a credential.
    pub fn stranger(&self) -> Stranger {
        Stranger::new(self)
    }

    /// A license of [`PRODUCT`] that is yet to be made.
    pub fn license(&self) -> LicenseBuilder {
        LicenseBuilder::new(self)
    }

    /// Moves the service's time forward.
    pub fn advance(&self, by: Duration) {
        assert!(self.cx.clock.advance(by), "a test's clock is given");
    }

    /// The service's time.
    pub fn now(&self) -> Timestamp {
        self.cx.clock.now()
    }

    /// Sends a request, and answers what came back beside what it cost at DynamoDB.
    ///
    /// The first requests come from [`PEER`]. An address may make so many a minute at `/v1`: those that follow there come from
    /// others, unless they say from where.
    pub async fn send(&self, mut request: Incoming) -> (Answer, Usage) {
        if request.path.starts_with("/v1/") && !request.headers.contains_key("x-forwarded-for") {
            let crowd = self.sent.fetch_add(1, Ordering::Relaxed) / 40;
            if crowd > 0 {
                let address = format!("198.18.{}.{}", crowd / 250 % 250, crowd % 250 + 1);
                let address = HeaderValue::try_from(address).expect("a header");
                request.headers.insert("x-forwarded-for", address);
            }
        }
        let route = self.routes.iter().find(|route| is_at(route, &request.path));
        // As in Lambda, a function has the secrets that it may read and no other.
        let served = route.and_then(|route| routes::function_of(route.name));
        let cx = match served {
            Some(served) => self.cx.with_secrets_only(&served.secrets()),
            None => self.cx.as_ref().clone(),
        };
        // On the heap: stories of many requests are tests with a small stack.
        let answered = Box::pin(self.router.answer(&cx, &request));
        let response = match route {
            Some(route) => {
                faults::as_function(
                    routes::function_of(route.name).map_or(route.name, |served| served.name),
                    answered,
                )
                .await
            }
            None => answered.await,
        };
        let usage = response.extensions().get().cloned().unwrap_or_default();
        let mut answer = Answer::new(&request, response);
        if answer.status == 500 {
            let id = answer.header("x-request-id").to_owned();
            let log = self.cx.log.written();
            answer.logged = log.lines().find(|line| line.contains(&id)).map(str::to_owned);
        }
        document::assert_known(&request, &answer);
        self.leak_check.observe(&request, &answer);
        (answer, usage)
    }

    /// A license as `POST /getLicense` shows it to the super admin.
    pub async fn shown(&self, license: &TestLicense) -> Value {
        let asked = json!({ "licenseKey": license.key });
        self.admin().post("/getLicense", asked).await.expect(200).clone()
    }

    /// Makes a product with a status.
    pub async fn make_product(&self, slug: &str, owner: &str, status: &str) {
        let product = json!({ "name": slug, "slug": slug, "creatorId": owner, "status": status });
        self.admin().post("/createProduct", product).await.expect(200);
    }

    /// Archives a product that was on sale.
    pub fn archive(&self, product: &str) {
        self.set_attribute(
            &schema::PRODUCTS,
            product,
            Some("#"),
            "status",
            json!({ "S": "archived" }),
        );
    }

    /// Stores an item, in DynamoDB's own JSON, as no endpoint does it on demand.
    pub fn put_item(&self, table: &Table, item: Value) {
        self.change_data("PutItem", &json!({ "TableName": table.name, "Item": item }));
    }

    /// Sets one attribute of an item, in DynamoDB's own JSON, as no endpoint does it on demand.
    pub fn set_attribute(&self, table: &Table, partition: &str, sort: Option<&str>, name: &str, value: Value) {
        let mut key = json!({ table.partition: { "S": partition } });
        if let (Some(name), Some(value)) = (table.sort, sort) {
            key[name] = json!({ "S": value });
        }
        let names: Map<String, Value> = name.split('.').map(|name| (format!("#{name}"), json!(name))).collect();
        self.change_data(
            "UpdateItem",
            &json!({
                "TableName": table.name,
                "Key": key,
                "UpdateExpression": format!("SET #{} = :value", name.replace('.', ".#")),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": { ":value": value },
            }),
        );
    }

    fn change_data(&self, operation: &str, body: &Value) {
        let (status, reply) = self.database.answer(operation, body.to_string().as_bytes());
        assert_eq!(status, 200, "{operation}: {}", String::from_utf8_lossy(&reply));
    }

    /// Lets every index show what there is now, whatever is written, until [`TestApp::indexes_catch_up`]. Answers the data
    /// that they are answered from.
    pub async fn indexes_stand_still(&self) -> Database {
        let copy = Database::new();
        let connection = Connection {
            http: Faults::new(copy.clone()).client(),
            ..copy.connection()
        };
        let store = Store::new(connection, "");
        store.table_create_all().await.expect("tables");
        for table in schema::ALL {
            let scan = json!({ "TableName": table.name }).to_string();
            let (_, items) = self.database.answer("Scan", scan.as_bytes());
            let items: Value = serde_json::from_slice(&items).expect("items");
            for item in items["Items"].as_array().expect("items") {
                let put = json!({ "TableName": table.name, "Item": item }).to_string();
                assert_eq!(copy.answer("PutItem", put.as_bytes()).0, 200);
            }
        }
        self.faults.answer_indexes_from(Some(copy.clone()));
        copy
    }

    /// Lets indexes show what was written.
    pub fn indexes_catch_up(&self) {
        self.faults.answer_indexes_from(None);
    }

    /// A license as stored.
    pub async fn stored(&self, license: &TestLicense) -> License {
        let key = LicenseKey::parse(&license.key).expect("a key");
        self.cx
            .store
            .license_get_unscoped(&key)
            .await
            .expect("a read")
            .expect("the license is there")
    }

    /// The machines, sessions and addresses of a license, or of the key that one had, as they are stored.
    pub fn ledger(&self, license: &TestLicense) -> Vec<Value> {
        let query = json!({
            "TableName": "activations",
            "KeyConditionExpression": "licenseKey = :key",
            "ExpressionAttributeValues": { ":key": { "S": license.key } },
        });
        let (_, reply) = self.database.answer("Query", query.to_string().as_bytes());
        let reply: Value = serde_json::from_slice(&reply).expect("a reply");
        reply["Items"].as_array().expect("items").clone()
    }

    /// Asserts that a license's counters are those of its items, and within its limits.
    pub async fn assert_counters_true(&self, license: &TestLicense) -> License {
        let stored = self.stored(license).await;
        let items = self.ledger(license);
        let of = |kind: &'static str| {
            items
                .iter()
                .filter(move |item| item["machineId"]["S"].as_str().is_some_and(|id| id.starts_with(kind)))
        };
        let machines = items.len() - of("session#").count() - of("ip#").count();
        let sessions = items.iter().filter(|item| item.get("leaseUntil").is_some()).count();
        let addresses = of("ip#").count();
        assert_eq!(
            usize::try_from(stored.seats.machines_used),
            Ok(machines),
            "machinesUsed: {items:#?}"
        );
        assert_eq!(
            usize::try_from(stored.seats.sessions_open),
            Ok(sessions),
            "sessionsOpen: {items:#?}"
        );
        assert_eq!(
            usize::try_from(stored.seats.addresses_bound),
            Ok(addresses),
            "addressesBound: {items:#?}"
        );
        if let Some(limit) = stored.seats.session_limit() {
            assert!(
                limit.admits(stored.seats.sessions_open.saturating_sub(1)),
                "{sessions} sessions of {limit}"
            );
        }
        stored
    }
}

/// Whether a path is that of `route`, whose parameters stand for any part.
fn is_at(route: &Route, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let wanted: Vec<&str> = route.path().split('/').collect();
    parts.len() == wanted.len()
        && wanted
            .iter()
            .zip(parts)
            .all(|(wanted, part)| wanted.starts_with('{') || *wanted == part)
}

/// A request with these parts. One with a body says that it is JSON, as clients do, unless it says otherwise.
pub fn request(method: &Method, path_and_query: &str, headers: &[(&str, &str)], body: &[u8]) -> Incoming {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (path_and_query, None),
    };
    let headers = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        (name, HeaderValue::from_str(value).expect("a header's value"))
    });
    let mut headers: HeaderMap = headers.collect();
    if *method == Method::POST && !headers.contains_key("content-type") {
        headers.insert("content-type", HeaderValue::from_static("application/json"));
    }
    Incoming {
        method: method.clone(),
        path: path.to_owned(),
        query,
        headers,
        body: RequestBody::of(Bytes::copy_from_slice(body), BodyMode::Whole { limit: BODY_LIMIT }),
        peer: PEER.into(),
        id: None,
    }
}

/// Merges two JSON objects; the second wins.
pub(crate) fn merged(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}
