//! Every table, key, index and TTL attribute, once. The local server and the tests create their tables from this, and
//! `template.yaml` is held against it.

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name, without the deployment's prefix.
    pub name: &'static str,
    /// The attribute of its partition key.
    pub partition: &'static str,
    /// The attribute of its sort key.
    pub sort: Option<&'static str>,
    /// The attribute that holds when an item may be deleted, in seconds since 1970.
    pub ttl: Option<&'static str>,
    /// Its indexes.
    pub indexes: &'static [Index],
}

/// A global secondary index. All key attributes are strings.
#[derive(Debug)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// The attribute of its partition key.
    pub partition: &'static str,
    /// The attribute of its sort key.
    pub sort: Option<&'static str>,
    /// What it holds of an item.
    pub projection: Projection,
}

/// What an index holds of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// The keys: a write that leaves them alone costs the index nothing.
    Keys,
    /// Everything: for what is listed often and written seldom.
    Everything,
}

const fn by(name: &'static str, partition: &'static str, sort: &'static str) -> Index {
    Index {
        name,
        partition,
        sort: Some(sort),
        projection: Projection::Keys,
    }
}

const fn by_id(name: &'static str, partition: &'static str) -> Index {
    Index {
        name,
        partition,
        sort: None,
        projection: Projection::Keys,
    }
}

const fn whole(name: &'static str, partition: &'static str, sort: &'static str) -> Index {
    Index {
        name,
        partition,
        sort: Some(sort),
        projection: Projection::Everything,
    }
}

/// Licenses.
pub const LICENSES: Table = Table {
    name: "licenses",
    partition: "licenseKey",
    sort: None,
    ttl: None,
    indexes: &[
        LICENSES_BY_ID,
        LICENSES_BY_PRODUCT,
        LICENSES_BY_OWNER,
        LICENSES_BY_EMAIL,
        LICENSES_BY_OWNER_EMAIL,
        LICENSES_BY_PURCHASE,
        LICENSES_BY_STATUS,
        LICENSES_BY_OWNER_EXPIRY,
        LICENSES_BY_PRODUCT_EXPIRY,
        LICENSES_BY_EXPIRY,
    ],
};
/// Licenses by their stable id.
pub const LICENSES_BY_ID: Index = by_id("by-id", "licenseId");
/// Licenses of a product in one status.
pub const LICENSES_BY_PRODUCT: Index = by("by-product-status", "productStatus", "createdAt");
/// Licenses of an owner in one status.
pub const LICENSES_BY_OWNER: Index = by("by-owner-status", "ownerStatus", "createdAt");
/// Licenses of a customer, whose address is folded to lower case.
pub const LICENSES_BY_EMAIL: Index = by("by-email", "emailFolded", "createdAt");
/// Licenses of an owner's customer: a customer may have bought from others as well.
pub const LICENSES_BY_OWNER_EMAIL: Index = by("by-owner-email", "ownerEmail", "createdAt");
/// The license of a purchase. Sparse.
pub const LICENSES_BY_PURCHASE: Index = by_id("by-purchase", "purchaseId");
/// Licenses of all owners in one status: what the super admin walks.
///
/// Ceiling: one partition of an index takes 1,000 write units a second, so all owners together can make or change the status
/// of so many licenses.
pub const LICENSES_BY_STATUS: Index = by("by-status", "status", "createdAt");
/// Licenses of an owner that expire, by when. Sparse.
pub const LICENSES_BY_OWNER_EXPIRY: Index = by("by-owner-expiry", "expiringOwner", "expiresAt");
/// Licenses of a product that expire, by when. Sparse.
pub const LICENSES_BY_PRODUCT_EXPIRY: Index = by("by-product-expiry", "expiringProduct", "expiresAt");
/// Licenses of all owners that expire, by when. Sparse: others have no `expiring`.
pub const LICENSES_BY_EXPIRY: Index = by("by-expiry", "expiring", "expiresAt");

/// Activations: machines on licenses, each under its [`MachineId`](crate::license::machine::MachineId). Beside them the
/// sessions and addresses of `/v1`.
///
/// **Invariant**: the sort keys of machines sort before small letters; that of whatever else stands there begins with its
/// kind. Of all these, only sessions that were revoked expire: the others are counted.
pub const ACTIVATIONS: Table = Table {
    name: "activations",
    partition: "licenseKey",
    sort: Some("machineId"),
    ttl: Some("expiresAt"),
    indexes: &[],
};

/// Violations.
pub const VIOLATIONS: Table = Table {
    name: "violations",
    partition: "licenseId",
    sort: Some("violationId"),
    ttl: None,
    indexes: &[],
};

/// Products, and beside each its variants.
///
/// **Invariant**: the sort keys of the product and its variants begin with `#`, that of whatever else belongs to it with
/// its kind. No read takes in a partition without such a prefix.
pub const PRODUCTS: Table = Table {
    name: "products",
    partition: "productId",
    sort: Some("item"),
    ttl: None,
    indexes: &[PRODUCTS_BY_OWNER, PRODUCTS_BY_STATUS],
};
/// Products of an owner in one status. Sparse: variants have no `ownerStatus`.
pub const PRODUCTS_BY_OWNER: Index = whole("by-owner-status", "ownerStatus", "createdAt");
/// Products of all owners in one status, for the super admin's list. Sparse: variants have no `status`.
///
/// Ceiling: one partition of an index takes 1,000 write units a second, so all owners together can change so many products
/// of one status.
pub const PRODUCTS_BY_STATUS: Index = whole("by-status", "status", "createdAt");

/// Trial and discount codes, and beside each its redemptions.
pub const CODES: Table = Table {
    name: "codes",
    partition: "code",
    sort: Some("item"),
    ttl: None,
    indexes: &[CODES_BY_OWNER, CODES_ALL],
};
/// Codes of an owner. Sparse: redemptions have no `ownerId`.
pub const CODES_BY_OWNER: Index = whole("by-owner", "ownerId", "createdAt");
/// Codes of all owners, for the super admin's list. Sparse: redemptions have no `kind`.
///
/// Ceiling: every code is in the one partition, which takes 1,000 write units a second, and a use of a code is a write of
/// it. So all owners together can have so many redemptions a second, less where codes are larger than 1 KB.
pub const CODES_ALL: Index = whole("by-kind", "kind", "createdAt");

/// API keys by their hash.
pub const API_KEYS: Table = Table {
    name: "api-keys",
    partition: "keyHash",
    sort: None,
    ttl: None,
    indexes: &[API_KEYS_BY_OWNER, API_KEYS_BY_ID, API_KEYS_BY_PRODUCT, API_KEYS_ALL],
};
/// API keys of an owner.
pub const API_KEYS_BY_OWNER: Index = whole("by-owner", "ownerId", "createdAt");
/// API keys by their id. Sparse: the flat API's keys are known by their hash.
pub const API_KEYS_BY_ID: Index = by_id("by-id", "keyId");
/// API keys of a product. Sparse: the flat API's keys have no `productId`. Keys only: that a key was used is no write here.
pub const API_KEYS_BY_PRODUCT: Index = by("by-product", "productId", "createdAt");
/// API keys of all owners, for the super admin's list. Not sparse: every key has the one value of `kind`.
///
/// Ceiling: every key is in the one partition, which takes 1,000 write units a second. Keys are made and revoked by hand, and
/// a product's key is written once in a quarter of an hour while it is used: 900,000 of them can be in use at once.
pub const API_KEYS_ALL: Index = whole("by-kind", "kind", "createdAt");

/// What became of each purchase: what makes a webhook idempotent. Beside them the sales, the ids that lead to each, and what is
/// kept until an id does, which expires.
pub const PURCHASES: Table = Table {
    name: "purchases",
    partition: "purchaseId",
    sort: None,
    ttl: Some("expiresAt"),
    indexes: &[],
};

/// Counters of attempts.
pub const RATE_LIMITS: Table = Table {
    name: "rate-limits",
    partition: "bucket",
    sort: None,
    ttl: Some("expiresAt"),
    indexes: &[],
};

/// Requests that may be sent again, and their answers.
pub const IDEMPOTENCY: Table = Table {
    name: "idempotency",
    partition: "requestId",
    sort: None,
    ttl: Some("expiresAt"),
    indexes: &[],
};

/// What happened to each license.
pub const EVENTS: Table = Table {
    name: "events",
    partition: "subject",
    sort: Some("eventId"),
    ttl: Some("expiresAt"),
    indexes: &[],
};
/// Accounts, and beside each its logins and devices.
pub const ACCOUNTS: Table = Table {
    name: "accounts",
    partition: "email",
    sort: Some("item"),
    ttl: Some("expiresAt"),
    indexes: &[],
};

/// What tokens that were mailed are good for, by their hash.
pub const MAIL_TOKENS: Table = Table {
    name: "mail-tokens",
    partition: "tokenHash",
    sort: None,
    ttl: Some("expiresAt"),
    indexes: &[],
};

/// Owners' teams: of each its organisation, its members and its invites. Beside them the slugs of organisations, each in a
/// partition of its own.
///
/// **Invariant**: the sort key of each kind begins with its prefix, and no read takes in a partition without one.
pub const TEAMS: Table = Table {
    name: "teams",
    partition: "ownerId",
    sort: Some("item"),
    ttl: Some("expiresAt"),
    indexes: &[TEAMS_BY_MEMBER],
};
/// The teams of a member. Sparse: nothing but a member has a `memberId`.
pub const TEAMS_BY_MEMBER: Index = by("by-member", "memberId", "ownerId");

/// Keys that were exchanged for others, by their mark: whose each was, and that none comes back. Beside them the key that
/// each such license has now, by the license's id.
pub const FORMER_KEYS: Table = Table {
    name: "former-keys",
    partition: "keyMark",
    sort: None,
    ttl: None,
    indexes: &[],
};

/// Every table.
pub const ALL: &[&Table] = &[
    &LICENSES,
    &ACTIVATIONS,
    &VIOLATIONS,
    &PRODUCTS,
    &CODES,
    &API_KEYS,
    &PURCHASES,
    &RATE_LIMITS,
    &IDEMPOTENCY,
    &EVENTS,
    &ACCOUNTS,
    &MAIL_TOKENS,
    &TEAMS,
    &FORMER_KEYS,
];
