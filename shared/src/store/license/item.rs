//! Licenses as they are stored.

use crate::{
    Result,
    license::{License, key::LicenseKey},
    owner::OwnerId,
    store::{
        item::{Item, encode, text},
        schema,
        write::UpdateExpression,
    },
    value::email::Email,
};

/// What changes only together with what it counts or notes, and so is never written with the rest.
const COUNTERS: [&str; 6] = [
    "machinesUsed",
    "sessionsOpen",
    "unresolvedViolations",
    "seenIn",
    "arrived",
    "arrivals",
];

/// The one value of `expiring`, under which all licenses are listed that have an end.
pub(in crate::store) const EXPIRING: &str = "yes";

/// Under what an owner's customer is found.
pub(in crate::store) fn owner_email(owner: &OwnerId, email: &Email) -> String {
    format!("{owner}#{}", email.folded())
}

/// A license as stored: the entity, and the attributes that exist for the indexes' sake.
pub(in crate::store) fn license_item(license: &License) -> Result<Item> {
    let mut item = encode(license)?;
    let status = license.status;
    item.insert(
        "productStatus".to_owned(),
        text(format!("{}#{status}", license.product_id)),
    );
    item.insert("ownerStatus".to_owned(), text(format!("{}#{status}", license.owner_id)));
    item.insert("emailFolded".to_owned(), text(license.email.folded()));
    item.insert(
        "ownerEmail".to_owned(),
        text(owner_email(&license.owner_id, &license.email)),
    );
    if license.expires_at.is_some() {
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

/// What turns `old` into `new`, except for its key and its counters.
pub(in crate::store) fn license_difference(old: &License, new: &License) -> Result<UpdateExpression> {
    let kept = |name: &str| name == schema::LICENSES.partition || COUNTERS.contains(&name);
    Ok(UpdateExpression::difference(
        &license_item(old)?,
        &license_item(new)?,
        kept,
    ))
}
