//! Licenses as they are stored.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    Result,
    license::{License, key::LicenseKey},
    owner::OwnerId,
    store::{
        item::{Item, encode, text},
        schema,
        write::{Action, UpdateExpression, put},
    },
    value::email::Email,
};

/// **Invariant**: what changes only together with what it counts or notes. It is never written with the rest.
const COUNTERS: [&str; 5] = [
    "seats.machinesUsed",
    "seats.sessionsOpen",
    "seats.addressesBound",
    "seats.admissions",
    "watch",
];

/// The parts of a license whose attributes are written one by one, since a counter stands among them.
const PARTS: [&str; 1] = ["seats"];

/// The one value of `expiring`, under which all licenses are listed that have an end.
pub(in crate::store) const EXPIRING: &str = "yes";

/// Under what an owner's customer is found.
pub(in crate::store) fn owner_email(owner: &OwnerId, email: &Email) -> String {
    format!("{owner}#{}", email.folded())
}

/// A license as stored: the entity, and the attributes that exist for the indexes' sake.
pub(in crate::store) fn license_item(license: &License) -> Result<Item> {
    let mut item = encode(license)?;
    let status = license.standing.status;
    item.insert("status".to_owned(), text(status));
    item.insert(
        "productStatus".to_owned(),
        text(format!("{}#{status}", license.product_id)),
    );
    item.insert("ownerStatus".to_owned(), text(format!("{}#{status}", license.owner_id)));
    // One that nobody has bought is found by no customer.
    if license.email != Email::nobody() {
        item.insert("emailFolded".to_owned(), text(license.email.folded()));
        item.insert(
            "ownerEmail".to_owned(),
            text(owner_email(&license.owner_id, &license.email)),
        );
    }
    if let Some(expiry) = license.expires_at() {
        item.insert("expiresAt".to_owned(), text(expiry));
        item.insert("expiringOwner".to_owned(), text(&license.owner_id));
        item.insert("expiringProduct".to_owned(), text(&license.product_id));
        item.insert("expiring".to_owned(), text(EXPIRING));
    }
    Ok(item)
}

/// The key of a license's item.
pub(in crate::store) fn license_key(key: &LicenseKey) -> Item {
    schema::LICENSES.key(key.as_str(), None)
}

/// That `license` is made, unless its key is taken.
pub(in crate::store) fn license_creation(license: &License) -> Result<Action> {
    let license = put(&schema::LICENSES, license_item(license)?);
    // **Race**: a key is one license's.
    Ok(license.when("attribute_not_exists(licenseKey)", []))
}

/// What turns `old` into `new`, except for its key and its counters.
pub(in crate::store) fn license_difference(old: &License, new: &License) -> Result<UpdateExpression> {
    let kept = |path: &str| path == schema::LICENSES.partition || COUNTERS.contains(&path);
    let (old, new) = (license_item(old)?, license_item(new)?);
    Ok(UpdateExpression::difference(&paths(old), &paths(new), kept))
}

/// An item with the attributes of its [`PARTS`] by their paths, in the place of the maps.
fn paths(item: Item) -> Item {
    let mut paths = Item::with_capacity(item.len());
    for (name, value) in item {
        if let AttributeValue::M(part) = &value
            && PARTS.contains(&name.as_str())
        {
            let inner = part.iter();
            paths.extend(inner.map(|(inner, value)| (format!("{name}.{inner}"), value.clone())));
        } else {
            paths.insert(name, value);
        }
    }
    paths
}
