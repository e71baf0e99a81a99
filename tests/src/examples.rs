//! For each route a request that it answers well, and the service in which it does.

use http::Method;
use keystead_core::owner::api_key::RawApiKey;
use keystead_functions::frame::{callers::CallerKind, face::AnyFace, route::Route};
use serde_json::{Value, json};

use crate::{Answer, Creator, Machine, OWNER, PASSWORD, PRODUCT, Person, TestApp, TestLicense, secrets};

/// What the tests of every route know of one.
pub struct Row {
    /// The route's name.
    pub name: &'static str,
    /// A body without credentials that the route answers well.
    pub good: fn(&World) -> Value,
    /// What another owner's API key gets for that body.
    pub foreign: Foreign,
}

/// What another owner's API key gets.
pub enum Foreign {
    /// Nothing tells that the record exists: 404 with this text.
    NotFound(&'static str),
    /// The one place where the contract forbids: 403.
    Forbidden,
    /// A good answer, about what is its own: none of these texts.
    OwnOnly(&'static [&'static str]),
    /// No API key opens this: 401.
    NoKeys,
    /// The route knows no owners.
    NoOwners,
}

/// Every route. A new one is added to its API, in the order of `routes::all()`.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [FLAT, LICENSE_KEYS, ACCOUNTS, V1].into_iter().flatten()
}

/// With what the Stripe account of an owner signs.
pub const STRIPE_SECRET: &str = "whsec_of-an-owner-of-the-tests";

/// A trial code of [`PRODUCT`].
pub const TRIAL_CODE: &str = "Welcome";

/// The routes of the flat API, and of the documents.
const FLAT: &[Row] = &[
    Row {
        name: "activate",
        good: |world| {
            json!({
                "licenseKey": world.license.key, "machineFingerprint": "new", "hostname": "new.local",
                "productId": PRODUCT,
            })
        },
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "validate",
        good: |world| {
            json!({
                "licenseKey": world.license.key, "machineFingerprint": world.machine.fingerprint,
                "token": world.machine.token(),
            })
        },
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "verify",
        good: |world| json!({ "licenseKey": world.license.key, "productId": PRODUCT }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "deactivate",
        good: |world| json!({ "licenseKey": world.license.key, "machineFingerprint": world.machine.fingerprint }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "heartbeat",
        good: |world| json!({ "licenseKey": world.license.key, "machineFingerprint": world.machine.fingerprint }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "list-machines",
        good: |world| json!({ "licenseKey": world.license.key, "machineFingerprint": world.machine.fingerprint }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "move-license",
        good: |world| {
            json!({
                "licenseKey": world.license.key, "machineFingerprint": "new", "hostname": "new.local",
                "productId": PRODUCT, "releaseFingerprint": world.machine.fingerprint,
            })
        },
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "get-signing-key",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "jwks",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "create-license",
        good: |_| json!({ "email": "customer@example.com", "productId": PRODUCT }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "get-license",
        good: |world| json!({ "licenseKey": world.license.key }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "list-licenses",
        good: |_| json!({ "productId": PRODUCT, "status": "active" }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "update-license",
        good: |world| json!({ "licenseKey": world.license.key, "maxMachines": 3 }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "revoke-license",
        good: |world| json!({ "licenseKey": world.license.key }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "reinstate-license",
        good: |world| json!({ "licenseKey": world.license.key }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "resolve-license",
        good: |world| json!({ "licenseKey": world.license.key, "violationIds": ["viol_001"] }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "reset-activations",
        good: |world| json!({ "licenseKey": world.license.key }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "reissue-license",
        good: |world| json!({ "licenseKey": world.license.key }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "resend-license",
        good: |world| json!({ "licenseKey": world.license.key }),
        foreign: Foreign::NotFound("License not found"),
    },
    Row {
        name: "create-product",
        good: |_| json!({ "name": "Brush", "slug": "brush", "creatorId": OWNER }),
        foreign: Foreign::Forbidden,
    },
    Row {
        name: "list-products",
        good: |_| json!({ "creatorId": OWNER, "includeAll": "true" }),
        foreign: Foreign::OwnOnly(&[OWNER, PRODUCT]),
    },
    Row {
        name: "update-product",
        good: |_| json!({ "productId": PRODUCT, "name": "App 2" }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "create-variant",
        good: |_| json!({ "productId": PRODUCT, "name": "Indie" }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "list-variants",
        good: |_| json!({ "productId": PRODUCT }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "update-variant",
        good: |_| json!({ "variantId": "app-studio", "maxMachines": 5 }),
        foreign: Foreign::NotFound("Variant not found"),
    },
    Row {
        name: "create-discount-code",
        good: |_| json!({ "code": "SALE", "productId": PRODUCT, "discountPercent": 20 }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "list-discount-codes",
        good: |_| json!({ "productId": PRODUCT }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "update-discount-code",
        good: |_| json!({ "code": TRIAL_CODE, "discountPercent": 25 }),
        foreign: Foreign::NotFound("Trial code not found"),
    },
    Row {
        name: "delete-discount-code",
        good: |_| json!({ "code": TRIAL_CODE }),
        foreign: Foreign::NotFound("Trial code not found"),
    },
    Row {
        name: "create-trial-code",
        good: |_| json!({ "code": "TRY", "productId": PRODUCT, "trialDays": 7 }),
        foreign: Foreign::NotFound("Product not found"),
    },
    Row {
        name: "list-trial-codes",
        good: |_| json!({}),
        foreign: Foreign::OwnOnly(&[OWNER, PRODUCT, TRIAL_CODE]),
    },
    Row {
        name: "update-trial-code",
        good: |_| json!({ "code": TRIAL_CODE, "active": true }),
        foreign: Foreign::NotFound("Trial code not found"),
    },
    Row {
        name: "delete-trial-code",
        good: |_| json!({ "code": TRIAL_CODE }),
        foreign: Foreign::NotFound("Trial code not found"),
    },
    Row {
        name: "redeem-trial-code",
        good: |_| {
            json!({
                "code": TRIAL_CODE, "email": "customer@example.com", "productId": PRODUCT, "variant": "trial",
            })
        },
        foreign: Foreign::NotFound("Trial code not found"),
    },
    Row {
        name: "create-api-key",
        good: |_| json!({ "creatorId": OWNER, "name": "script" }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "list-api-keys",
        good: |_| json!({ "creatorId": OWNER }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "revoke-api-key",
        good: |world| json!({ "hash": world.spare_key_hash }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "replace-stripe-secret",
        good: |world| json!({ "apiKey": world.stripe_endpoint, "stripeSecret": STRIPE_SECRET }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "list-audit-events",
        good: |_| json!({}),
        foreign: Foreign::OwnOnly(&[PRODUCT]),
    },
    Row {
        name: "add-member",
        good: |_| json!({ "creatorId": OWNER, "email": "colleague@example.com", "role": "dev" }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "remove-member",
        good: |_| json!({ "creatorId": OWNER, "email": "colleague@example.com" }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "cglounge-webhook",
        good: |_| {
            json!({ "type": "purchase.completed", "email": "customer@example.com", "productId": PRODUCT,
                    "purchaseId": "purchase-1" })
        },
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "stripe-webhook",
        good: |_| json!({ "id": "evt_1", "type": "ping", "data": { "object": {} } }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "owner-stripe-webhook",
        good: |world| json!({ "endpointId": world.stripe_endpoint, "id": "evt_1", "type": "ping", "data": { "object": {} } }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "health",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "openapi-json",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "openapi-flat",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "openapi-license-keys",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "openapi-accounts",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "openapi-v1",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "docs",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
];

/// The routes of the license-keys API.
const LICENSE_KEYS: &[Row] = &[
    Row {
        name: "license-keys-validate",
        good: |world| json!({ "key": world.license.key, "hwid": "machine" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "license-keys-shuffle",
        good: |world| json!({ "key": world.license.key }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "license-keys-reset",
        good: |world| json!({ "key": world.license.key }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "license-keys-events",
        good: |world| json!({ "keyId": world.license_id }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "license-keys-list",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
];

/// The routes of the accounts API.
const ACCOUNTS: &[Row] = &[
    Row {
        name: "auth-register",
        good: |_| json!({ "email": "someone@example.com" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "auth-login",
        good: |world| json!({ "email": world.person.email, "password": PASSWORD }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "auth-verify",
        good: |world| json!({ "token": world.verify_token, "password": "a chosen password" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "auth-logout",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-me",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-forgot-password",
        good: |world| json!({ "email": world.person.email }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "auth-reset-password",
        good: |world| json!({ "token": world.reset_token, "password": "another password" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "auth-change-password",
        good: |_| json!({ "currentPassword": PASSWORD, "password": "another password" }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-change-email",
        good: |_| json!({ "email": "elsewhere@example.com", "password": PASSWORD }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-confirm-email",
        good: |world| json!({ "token": world.email_token }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-sessions",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-revoke-session",
        good: |_| json!({ "id": "01941f29-7c00-7000-8000-000000000000" }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-revoke-sessions",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "auth-events",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
];

/// The routes of `/v1`.
const V1: &[Row] = &[
    Row {
        name: "v1-register",
        good: |world| json!({ "email": "invited@example.com", "name": "Ivy", "inviteToken": world.org.invite_token }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-verify",
        good: |world| json!({ "token": world.verify_token, "password": "a chosen password" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-forgot-password",
        good: |world| json!({ "email": world.person.email }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-reset-password",
        good: |world| json!({ "token": world.reset_token, "password": "another password" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-login",
        good: |world| json!({ "email": world.person.email, "password": PASSWORD }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-refresh",
        good: |world| json!({ "refreshToken": world.refresh_token }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-logout",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "v1-sessions",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "v1-revoke-session",
        good: |_| json!({ "id": "01941f29-7c00-7000-8000-000000000000" }),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "v1-revoke-sessions",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "v1-me",
        good: |_| json!({}),
        foreign: Foreign::NoKeys,
    },
    Row {
        name: "v1-list-organisations",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-create-organisation",
        good: |_| json!({ "name": "Acme & Sons" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-get-organisation",
        good: |world| json!({ "orgId": world.org.id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-update-organisation",
        good: |world| json!({ "orgId": world.org.id, "name": "Acme Ltd." }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-delete-organisation",
        good: |world| json!({ "orgId": world.org.id, "confirm": "acme" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-members",
        good: |world| json!({ "orgId": world.org.id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-update-member",
        good: |world| json!({ "orgId": world.org.id, "memberId": world.org.colleague_id, "role": "ADMIN" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-remove-member",
        good: |world| json!({ "orgId": world.org.id, "memberId": world.org.colleague_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-transfer-ownership",
        good: |world| json!({ "orgId": world.org.id, "newOwnerId": world.org.colleague_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-create-invite",
        good: |world| json!({ "orgId": world.org.id, "email": "another@example.com", "role": "DEV" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-invites",
        good: |world| json!({ "orgId": world.org.id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-invite",
        good: |world| json!({ "orgId": world.org.id, "inviteId": world.org.invite_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-resend-invite",
        good: |world| json!({ "orgId": world.org.id, "inviteId": world.org.invite_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-preview-invite",
        good: |world| json!({ "token": world.org.invite_token }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-accept-invite",
        good: |world| json!({ "token": world.org.own_invite_token }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-create-product",
        good: |world| json!({ "orgId": world.org.id, "name": "Brush" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-get-product",
        good: |world| json!({ "productId": world.org.product_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-update-product",
        good: |world| json!({ "productId": world.org.product_id, "name": "Brush 2", "policy": { "v": 1, "limits": {} } }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-delete-product",
        good: |world| json!({ "productId": world.org.product_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-products",
        good: |world| json!({ "orgId": world.org.id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-add-product",
        good: |world| json!({ "orgId": world.org.id, "name": "Pen", "description": "It writes." }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-remove-product",
        good: |world| json!({ "orgId": world.org.id, "productId": world.org.product_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-create-api-key",
        good: |world| json!({ "productId": world.org.product_id, "name": "Back end", "permissions": ["license:authorize"] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-api-keys",
        good: |world| json!({ "productId": world.org.product_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-update-api-key",
        good: |world| json!({ "keyId": world.org.key_id, "name": "Server" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-delete-api-key",
        good: |world| json!({ "keyId": world.org.key_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-rotate-api-key",
        good: |world| json!({ "keyId": world.org.key_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-api-key",
        good: |world| json!({ "keyId": world.org.key_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-status",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-whoami",
        good: |_| json!({}),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-get-own-product",
        good: |world| json!({ "productId": world.org.product_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-update-own-product",
        good: |world| json!({ "productId": world.org.product_id, "description": "It paints." }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-own-api-keys",
        good: |world| json!({ "productId": world.org.product_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-operator-create-product",
        good: |world| json!({ "orgId": world.org.id, "name": "Brush", "defaultLicensePolicy": { "v": 1, "limits": {} } }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-operator-create-api-key",
        good: |world| json!({ "productId": world.org.product_id, "name": "Back end", "permissions": ["license:authorize"] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-blacklist",
        good: |world| json!({ "productId": world.org.product_id, "type": "HWID" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-put-blacklist-entry",
        good: |world| json!({ "productId": world.org.product_id, "type": "HWID", "value": "stolen", "reason": "Stolen" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-put-blacklist-entries",
        good: |world| json!({ "productId": world.org.product_id, "entries": [{ "type": "IP", "value": "203.0.113.66" }] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-delete-blacklist-entry",
        good: |world| json!({ "productId": world.org.product_id, "entryId": world.org.entry_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-own-blacklist",
        good: |world| json!({ "productId": world.org.product_id, "type": "HWID" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-put-own-blacklist-entry",
        good: |world| json!({ "productId": world.org.product_id, "type": "HWID", "value": "stolen", "reason": "Stolen" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-put-own-blacklist-entries",
        good: |world| json!({ "productId": world.org.product_id, "entries": [{ "type": "IP", "value": "203.0.113.66" }] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-delete-own-blacklist-entry",
        good: |world| json!({ "productId": world.org.product_id, "entryId": world.org.entry_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-licenses",
        good: |world| json!({ "orgId": world.org.id, "status": "ACTIVE" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-expiring-licenses",
        good: |world| json!({ "orgId": world.org.id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-all-licenses",
        good: |_| json!({ "status": "ACTIVE" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-create-licenses",
        good: |world| json!({ "orgId": world.org.id, "productId": world.org.product_id, "expiresAfterDays": 365 }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-delete-licenses",
        good: |world| json!({ "orgId": world.org.id, "licenseIds": [world.org.license_id] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-import-licenses",
        good: |world| json!({ "orgId": world.org.id, "productId": world.org.product_id, "licenses": [{ "key": "FROM-ELSEWHERE" }] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-redeem-license",
        good: |world| json!({ "licenseKey": world.org.license_key }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-count-licenses",
        good: |world| json!({ "orgId": world.org.id, "productId": world.org.product_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-export-licenses",
        good: |world| json!({ "orgId": world.org.id, "status": "ACTIVE", "format": "json" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-freeze-licenses",
        good: |world| json!({ "orgId": world.org.id, "licenseIds": [world.org.license_id] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-unfreeze-licenses",
        good: |world| json!({ "orgId": world.org.id, "licenseIds": [world.org.license_id] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-licenses",
        good: |world| json!({ "orgId": world.org.id, "licenseIds": [world.org.license_id] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-unrevoke-licenses",
        good: |world| json!({ "orgId": world.org.id, "licenseIds": [world.org.license_id] }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-extend-licenses",
        good: |world| json!({ "orgId": world.org.id, "licenseIds": [world.org.license_id], "days": 30 }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-get-license",
        good: |world| json!({ "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-update-license",
        good: |world| json!({ "id": world.org.license_id, "expiresAfterDays": 60 }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-license",
        good: |world| json!({ "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-unrevoke-license",
        good: |world| json!({ "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-reset-hwid",
        good: |world| json!({ "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-reset-ip",
        good: |world| json!({ "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-license-sessions",
        good: |world| json!({ "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-license-session",
        good: |world| json!({ "id": world.org.license_id, "sessionId": "session" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-license-sessions",
        good: |world| json!({ "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-own-licenses",
        good: |world| json!({ "productId": world.org.product_id, "status": "ACTIVE" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-create-own-licenses",
        good: |world| json!({ "productId": world.org.product_id, "expiresAfterDays": 365 }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-get-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-update-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id, "expiresAfterDays": 60 }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-delete-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.spare_license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-unrevoke-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-freeze-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-unfreeze-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-extend-own-license",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id, "days": 30 }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-reset-own-hwid",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-reset-own-ip",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-list-own-license-sessions",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-own-license-session",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id, "sessionId": "session" }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-revoke-own-license-sessions",
        good: |world| json!({ "productId": world.org.product_id, "id": world.org.license_id }),
        foreign: Foreign::NoOwners,
    },
    Row {
        name: "v1-authorize",
        good: |world| json!({ "productId": world.org.product_id, "licenseKey": world.org.license_key, "hwid": "a", "sessionId": "session" }),
        foreign: Foreign::NoOwners,
    },
];

/// A service in which every row's good body is answered well, once.
pub struct World {
    /// The service.
    pub app: TestApp,
    /// A floating license of [`PRODUCT`].
    pub license: TestLicense,
    /// Its id.
    pub license_id: String,
    /// It is on the license.
    pub machine: Machine,
    /// The owner of the product and its license.
    pub alice: Creator,
    /// Another owner.
    pub bob: Creator,
    /// The hash of an API key that nobody uses.
    pub spare_key_hash: String,
    /// Where a Stripe account of [`World::alice`] tells of purchases, signing with [`STRIPE_SECRET`].
    pub stripe_endpoint: String,
    /// Who bought the license, and is a member of its owner.
    pub person: Person,
    /// What was mailed to someone who has just registered.
    pub verify_token: String,
    /// What was mailed to someone who forgot their password.
    pub reset_token: String,
    /// What was mailed to an address that is to be that of [`World::person`].
    pub email_token: String,
    /// What continues another login of [`World::person`]'s, where there is a team.
    pub refresh_token: String,
    /// A team, of [`World::for_route`] where the route needs one.
    pub org: Team,
}

/// An organisation of [`World::person`]'s, and its team.
#[derive(Clone, Default)]
pub struct Team {
    /// The organisation's id.
    pub id: String,
    /// The account of a member, who is a VIEWER.
    pub colleague_id: String,
    /// Who that is.
    pub colleague: Option<Person>,
    /// An invite that waits.
    pub invite_id: String,
    /// What was mailed with it.
    pub invite_token: String,
    /// What was mailed to [`World::person`], who is invited by somebody else.
    pub own_invite_token: String,
    /// A product of the organisation.
    pub product_id: String,
    /// An API key of that product, which permits everything.
    pub key_id: String,
    /// Its secret.
    pub key: String,
    /// The id of a license of it.
    pub license_id: String,
    /// The key of that license.
    pub license_key: String,
    /// The id of another license of it, which nobody uses.
    pub spare_license_id: String,
    /// A machine on the product's blacklist.
    pub entry_id: String,
}

impl Team {
    async fn new(app: &TestApp, person: &Person) -> Self {
        let org = person.organisation("Acme").await;
        let colleague = app.person("colleague@example.com").await;
        person.invite(&org, &colleague.email, "VIEWER").await;
        let joined = json!({ "token": app.mailed_token(&colleague.email) });
        colleague.post("/v1/dashboard/invites/accept", joined).await.expect(200);
        let listed = person.get(&format!("/v1/dashboard/orgs/{org}/members")).await;
        let members = listed.expect(200)["data"]["members"]
            .as_array()
            .expect("a list")
            .clone();
        let of_colleague = members.iter().find(|member| member["email"] == colleague.email);
        let invite_id = person.invite(&org, "invited@example.com", "DEV").await;
        let product_id = person.product(&org, "Brush").await;
        let (key_id, key) = person.api_key(&product_id, &[]).await;
        let wanted = json!({ "productId": product_id, "expiresAfterDays": 30 });
        let licenses = format!("/v1/dashboard/orgs/{org}/licenses");
        let make = async || person.post(&licenses, wanted.clone()).await.expect(201)["data"]["license"].clone();
        let (license, spare) = (make().await, make().await);
        let text = |name: &str| license[name].as_str().expect("a text").to_owned();
        let (license_id, license_key) = (text("id"), text("key"));
        let asked = json!({ "productId": product_id, "licenseKey": license_key, "hwid": "a", "sessionId": "session" });
        let (bearer, asked) = (format!("Bearer {key}"), asked.to_string());
        let headers = [("authorization", bearer.as_str())];
        let asked = crate::request(&Method::POST, "/v1/licenses/authorize", &headers, asked.as_bytes());
        app.send(asked).await.0.expect(200);
        let blacklist = format!("/v1/dashboard/blacklists/products/{product_id}");
        let banned = json!({ "type": "HWID", "value": "banned" });
        let put = person.post(&blacklist, banned).await;
        let entry = put.expect(201)["data"]["entry"].clone();
        let other = colleague.organisation("Other").await;
        colleague.invite(&other, &person.email, "ADMIN").await;
        Self {
            id: org,
            colleague_id: of_colleague.expect("a member")["id"]
                .as_str()
                .expect("an id")
                .to_owned(),
            colleague: Some(colleague),
            invite_id,
            invite_token: app.mailed_token("invited@example.com"),
            own_invite_token: app.mailed_token(&person.email),
            product_id,
            key_id,
            key,
            license_id,
            license_key,
            spare_license_id: spare["id"].as_str().expect("an id").to_owned(),
            entry_id: entry["id"].as_str().expect("an id").to_owned(),
        }
    }
}

impl World {
    /// A new one.
    pub async fn new() -> Self {
        Self::of(TestApp::start().await).await
    }

    /// A new one, with a team if the route's API knows teams.
    pub async fn for_route(route: &Route) -> Self {
        let world = Self::new().await;
        if route.face.prefix == "/v1" {
            world.with_team().await
        } else {
            world
        }
    }

    /// The same, with a team.
    pub async fn with_team(self) -> Self {
        // On the heap, for the sake of the stories that make many worlds.
        let org = Box::pin(Team::new(&self.app, &self.person)).await;
        let elsewhere = Person::sign_in(&self.app, &self.person.email).await;
        Self {
            org,
            refresh_token: elsewhere.refresh_token().await,
            ..self
        }
    }

    /// A new one in this service.
    pub async fn of(app: TestApp) -> Self {
        let license = app.license().floating(2).create().await;
        let machine = app.machine("a").in_country("US");
        machine.activate(&license).await.expect(200);
        let studio = json!({ "productId": PRODUCT, "name": "Studio" });
        app.admin().post("/createVariant", studio).await.expect(200);
        let trial = json!({ "code": TRIAL_CODE, "productId": PRODUCT });
        app.admin().post("/createTrialCode", trial).await.expect(200);
        let spare_key = RawApiKey::parse(&app.creator("carol").await.api_key).expect("a key");
        let person = app.person("customer@example.com").await;
        let member = json!({ "creatorId": OWNER, "email": person.email, "role": "viewer" });
        app.admin().post("/addMember", member).await.expect(200);
        app.register("new@example.com").await;
        let verify_token = app.mailed_token("new@example.com");
        app.person("forgetful@example.com").await;
        let forgetful = json!({ "email": "forgetful@example.com" });
        app.stranger()
            .post("/api/auth/forgot-password", forgetful)
            .await
            .expect(200);
        let reset_token = app.mailed_token("forgetful@example.com");
        let moved = json!({ "email": "moved@example.com", "password": PASSWORD });
        person.post("/api/auth/change-email", moved).await.expect(200);
        let email_token = app.mailed_token("moved@example.com");
        let license_id = app.stored(&license).await.license_id.to_string();
        Self {
            person,
            org: Team::default(),
            refresh_token: String::new(),
            verify_token,
            reset_token,
            email_token,
            license_id,
            spare_key_hash: spare_key.hash().as_str().to_owned(),
            license,
            machine,
            stripe_endpoint: app.stripe_endpoint(OWNER, STRIPE_SECRET).await,
            alice: app.creator(OWNER).await,
            bob: app.creator("bob").await,
            app,
        }
    }

    /// `body` with what lets its sender in.
    pub fn let_in(&self, route: &Route, mut body: Value) -> Value {
        match route.caller {
            CallerKind::Anyone | CallerKind::LicenseKeyHolder => {}
            CallerKind::Admin => body["apiKey"] = json!(self.alice.api_key),
            CallerKind::SuperAdmin => body["adminSecret"] = json!(secrets().credentials.admin_secret),
            CallerKind::Store => body["webhookSecret"] = json!(secrets().credentials.webhook_secret),
            // `send` signs it.
            CallerKind::Stripe => body["signed"] = json!(true),
            CallerKind::OwnerStripe => body["signedForOwner"] = json!(true),
            // `send` shows the token.
            CallerKind::SignedIn | CallerKind::AccountHolder => body["signedIn"] = json!("yes"),
            // `send` shows the key.
            CallerKind::ProductKey => body["withKey"] = json!("yes"),
            // `send` shows the secret.
            CallerKind::Operator => body["byOperator"] = json!("yes"),
        }
        body
    }

    /// Sends the fields of `body` as `method` has them: in the query of a GET, otherwise in the body.
    pub async fn send(&self, route: &Route, method: &str, body: &Value) -> Answer {
        self.send_as(&self.person, route, method, body).await
    }

    /// As [`World::send`], by somebody else who is signed in.
    pub async fn send_as(&self, person: &Person, route: &Route, method: &str, body: &Value) -> Answer {
        let mut path = route.path().to_owned();
        for (name, value) in body.as_object().expect("an object") {
            path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or("none"));
        }
        let (path, body) = if method == "GET" {
            let fields = body.as_object().expect("an object");
            let pairs: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().expect("a text")))
                .collect();
            (format!("{path}?{}", pairs.join("&")), String::new())
        } else {
            (path, body.to_string())
        };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let signature = self.app.stripe().sign(&body);
        let is_signed_in = body.contains("\"signedIn\":") || path.contains("signedIn=");
        let bearer = if is_signed_in {
            person.authorization(&path).await
        } else {
            String::new()
        };
        let mut headers = Vec::new();
        let of_owner = self.app.stripe().signing_with(STRIPE_SECRET).sign(&body);
        if body.contains("\"signed\":true") {
            headers.push(("stripe-signature", signature.as_str()));
        }
        if body.contains("\"signedForOwner\":true") {
            headers.push(("stripe-signature", of_owner.as_str()));
        }
        if is_signed_in {
            headers.push(("authorization", bearer.as_str()));
        }
        let key = format!("Bearer {}", self.org.key);
        if body.contains("\"withKey\":") || path.contains("withKey=") {
            headers.push(("authorization", key.as_str()));
        }
        if body.contains("\"byOperator\":") {
            headers.push(("x-admin-token", secrets().credentials.admin_secret.as_str()));
        }
        self.app
            .stranger()
            .send(&method, &path, &headers, body.as_bytes())
            .await
    }
}

/// The row of a route.
pub fn row(route: &Route) -> &'static Row {
    rows().find(|row| row.name == route.name).unwrap_or_else(|| {
        panic!("{} has no row: add one in tests/src/examples.rs", route.name);
    })
}

/// Asserts that a refusal has the shape of its route's face, which is all that clients can rely on.
#[track_caller]
pub fn assert_refusal(route: &Route, answer: &Answer) {
    let Value::Object(body) = &answer.body else {
        panic!("{}: {} is no object", route.name, answer.body);
    };
    // What an application is denied has a shape of its own.
    if let (Some(allow), Some(Value::String(reason))) = (body.get("allow"), body.get("reasonCode")) {
        let sound = *allow == json!(false) && body["ok"] == false && body["message"].is_string();
        assert!(sound && !reason.is_empty(), "{}: {body:?}", route.name);
        return;
    }
    if route.face.prefix == "/v1" {
        let error = &body["error"];
        let said = |name: &str| error[name].as_str().is_some_and(|text| !text.is_empty());
        let fields = error.as_object().map_or(0, serde_json::Map::len);
        let whole = 2 + usize::from(error.get("details").is_some());
        let sound = said("message") && said("code") && fields == whole && body.len() == 2;
        assert!(sound && body["ok"] == false, "{}: {body:?}", route.name);
        return;
    }
    let flag = flag(route.face);
    assert_eq!(
        body.get(flag.unwrap_or("success")),
        flag.map(|_| &json!(false)),
        "{}: {body:?}",
        route.name
    );
    let text = body.get("error").and_then(Value::as_str).unwrap_or_default();
    assert!(!text.is_empty(), "{}: {body:?}", route.name);
    let with_reason = body.contains_key("reason");
    assert!(
        !with_reason || route.face.name == "FlatVerify",
        "{}: {body:?}",
        route.name
    );
    let fields = 1 + usize::from(flag.is_some()) + usize::from(with_reason);
    assert_eq!(body.len(), fields, "{}: {body:?}", route.name);
}

/// By what an answer of this face says whether it is a good one, if by anything but its status.
pub fn flag(face: AnyFace) -> Option<&'static str> {
    match face.name {
        "FlatClient" | "FlatBare" | "FlatAdmin" | "Documentation" => Some("success"),
        "FlatValidate" | "FlatVerify" | "KeysForApplications" => Some("valid"),
        "KeysForBuyers" | "KeysForSellers" | "Accounts" | "AccountsBare" | "V1" | "V1Keys" | "V1Authorizes"
        | "V1Operators" => None,
        other => panic!("{other} is a new face: say here by what its refusals are told"),
    }
}
