//! How the OpenAPI document shows credentials.

use serde_json::{Map, Value, json};

/// A credential in the document.
#[derive(Clone, Copy)]
pub struct Document {
    /// Under which heading its endpoints stand.
    pub tag: &'static str,
    /// What a caller needs.
    pub needs: &'static str,
    /// Which of [`schemes`] let in a request with a body. The empty one is a field of the body.
    pub with_body: &'static [&'static str],
    /// Which of [`schemes`] let in a request without a body.
    pub with_query: &'static [&'static str],
    /// The fields of a body that may hold it.
    pub fields: &'static [Field],
}

/// A field of a body that may hold a credential.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub description: &'static str,
    /// Whether there is no other place for it.
    pub required: bool,
}

pub(super) const ADMIN_SECRET: Field = Field {
    name: "adminSecret",
    description: "The admin secret, which sees everything.",
    required: false,
};

impl Document {
    /// No credential.
    pub const NONE: Self = Self {
        tag: "",
        needs: "",
        with_body: &[],
        with_query: &[],
        fields: &[],
    };

    /// Whether a request without it is refused.
    pub(crate) fn is_secret(&self) -> bool {
        !self.with_body.is_empty()
    }

    /// What lets a request with this method in, as the document has it.
    pub(crate) fn security(&self, method: &str) -> Value {
        let names = if method == "GET" {
            self.with_query
        } else {
            self.with_body
        };
        let requirement = |name: &&str| match *name {
            "" => json!({}),
            name => json!({ name: [] }),
        };
        names.iter().map(requirement).collect()
    }

    /// The schemas of the fields of a body that may hold it.
    pub(crate) fn properties(&self) -> Map<String, Value> {
        let schema = |field: &Field| {
            let schema = json!({ "type": ["string", "null"], "description": field.description, "writeOnly": true });
            (field.name.to_owned(), schema)
        };
        self.fields.iter().map(schema).collect()
    }

    /// The fields that a body must have.
    pub(crate) fn required(&self) -> impl Iterator<Item = &'static str> {
        self.fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.name)
    }
}

/// What the endpoints stand under, in this order.
pub(crate) const TAGS: [(&str, &str); 8] = [
    (
        "Applications",
        "What an application asks on the machine of a customer. The license key is the credential.",
    ),
    (
        "Vendors",
        "What a vendor's scripts and tools ask, with an API key or the admin secret.",
    ),
    ("Operators", "What only the holder of the admin secret may ask."),
    ("People", "What who bought or sells asks, signed in to an account."),
    ("Teams", "What a vendor's team asks, signed in to an account."),
    (
        "Back ends",
        "What a vendor's back end asks, with an API key of one product.",
    ),
    ("Stores", "What stores tell of purchases."),
    ("Service", "What anyone may ask."),
];

/// The places in which credentials are shown, by the names that [`Document::with_body`] has.
pub(crate) fn schemes() -> Value {
    let key = |place: &str, name: &str, description: &str| json!({ "type": "apiKey", "in": place, "name": name, "description": description });
    json!({
        "apiKeyHeader": key("header", "X-API-Key", "An API key. It sees its owner's records only. A request with a body \
                                                   may hold it there instead, in the field `apiKey`."),
        "apiKeyQuery": key("query", "apiKey", "As apiKeyHeader, in the query."),
        "adminSecretQuery": key("query", "adminSecret", "The admin secret, which sees everything. A request with a body \
                                                        holds it there, in the field `adminSecret`."),
        "webhookSecretHeader": key("header", "x-webhook-secret", "The webhook secret. The body may hold it instead, in \
                                                                 the field `webhookSecret`."),
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The token of `/api/auth/login`.",
        },
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of `/v1/auth/login`.",
        },
        "productKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "gg_...",
            "description": "An API key of one product. A request may be signed with it: then the headers `X-GG-Timestamp`, \
                            `X-GG-Nonce` and `X-GG-Signature` go with it.",
        },
        "adminToken": key("header", "X-Admin-Token", "The admin secret, where `/v1` takes it."),
        "productKeyHeader": key("header", "X-Api-Key", "As productKey, in a header of its own."),
        "sessionCookie": key("cookie", "session", "The same token, in a cookie of this name. A browser has it in the cookie \
                                                   `__Host-session`, which `/api/auth/login` sets."),
        "stripeSignature": key("header", "Stripe-Signature", "Stripe's signature of the body."),
    })
}
