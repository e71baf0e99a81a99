//! A row's license: made once, and compared with what is there already.

use keystead_core::{
    Timestamp,
    license::{key::LicenseKey, standing::LicenseStatus},
    value::{email::Email, reference::Reference},
};
use serde_json::{Value, json};

use super::report::rejected;
use crate::{
    client::{Client, given},
    failure::{Failure, Refusal},
    journal::{Entry, LineKeys, Outcome},
    license_file::Row,
};

/// What the server says of a key that another license has.
const TAKEN: &str = "A license with this key already exists";

/// Makes a line's license, if it is not there. One that is there stays as it is.
pub(super) fn import_line(client: &Client, keys: &LineKeys, line: u64, row: &Row) -> Result<Entry, Failure> {
    let key = row
        .license_key
        .clone()
        .or_else(|| keys.license_key(line))
        .ok_or_else(|| Failure::Local("a new license key is malformed".to_owned()))?;
    let through = |outcome: Outcome| Entry {
        line,
        outcome,
        license_key: Some(key.to_string()),
        status: None,
        error: None,
    };
    let reject = |refusal: &Refusal| {
        // A key of its own is what its customer has; one that was to be new is nobody's.
        let shown = row.license_key.as_ref().map(ToString::to_string);
        rejected(line, shown, Some(refusal.status), &refusal.error)
    };
    // It has its key, by which it is known again: to name the request as well would cost the server two writes more.
    let refusal = match client.make("createLicense", creation(row, &key)) {
        Ok(answer) if answer.body["licenseKey"] == key.as_str() => return Ok(through(Outcome::Created)),
        Ok(_) => {
            let text = "the server gives licenses other keys than they have; it is too old to import to";
            return Err(Failure::Local(text.to_owned()));
        }
        Err(Failure::Refused(refusal)) if refusal.status == 409 => refusal,
        Err(Failure::Refused(refusal)) if is_of_the_line(&refusal) => return Ok(reject(&refusal)),
        Err(failure) => return Err(failure),
    };
    let found = match client.read("getLicense", json!({ "licenseKey": key })) {
        Ok(found) => found,
        // The key is another creator's.
        Err(Failure::Refused(unseen)) if unseen.status == 404 => return Ok(reject(&refusal)),
        Err(failure) => return Err(failure),
    };
    let differences = differences(row, &found.body["license"]);
    if differences.is_empty() {
        return Ok(through(Outcome::Present));
    }
    let error = format!("{TAKEN}, and differs in {}", differences.join(", "));
    // A key that derives from this import is that of a license which an earlier run made, and is told nowhere else.
    Ok(rejected(line, Some(key.to_string()), Some(refusal.status), &error))
}

/// Whether the server refuses this line, rather than the credential, the speed, or any line at all.
fn is_of_the_line(refusal: &Refusal) -> bool {
    // A hint is there when it isn't Keystead that answers.
    refusal.hint.is_none() && matches!(refusal.status, 400 | 403 | 404 | 413 | 422)
}

/// The whole license in one request, so that it is never there in another status than its line's.
fn creation(row: &Row, key: &LicenseKey) -> Value {
    given(json!({
        "licenseKey": key,
        "email": row.email,
        "productId": row.product_id,
        "variant": row.variant,
        "licenseType": row.license_type,
        "maxMachines": row.max_machines,
        "maxConcurrent": row.max_concurrent,
        "purchasedAt": row.purchased_at,
        "expiresAt": row.expires_at,
        "discountCode": row.discount_code,
        "purchaseId": row.purchase_id,
        "bundleId": row.bundle_id,
        "unlockedProducts": (!row.unlocked_products.is_empty()).then_some(&row.unlocked_products),
        "status": (row.status != LicenseStatus::Active).then_some(row.status),
        "disputeReason": dispute_reason(row),
    }))
}

/// Why the line's license is revoked, if it is: the reason says nothing of another.
fn dispute_reason(row: &Row) -> Option<&Reference> {
    row.dispute_reason
        .as_ref()
        .filter(|_| row.status == LicenseStatus::Revoked)
}

/// In what a license differs from the one that a line would have made. What the line leaves to the server differs in
/// nothing.
fn differences(row: &Row, license: &Value) -> Vec<&'static str> {
    let text = |field: &str| license[field].as_str();
    let time = |field: &str| text(field).and_then(Timestamp::parse);
    let same_or_left = |wanted: Value, field: &str| wanted.is_null() || license[field] == wanted;
    let variant = row.variant.clone().map(|variant| variant.within(&row.product_id));
    let unlocked = license.get("unlockedProducts").cloned().unwrap_or(json!([]));
    let checks = [
        (
            "email",
            text("email").and_then(Email::parse).map(|email| email.folded()) == Some(row.email.folded()),
        ),
        ("productId", text("productId") == Some(row.product_id.as_str())),
        ("variant", same_or_left(json!(variant), "variant")),
        ("licenseType", same_or_left(json!(row.license_type), "licenseType")),
        ("maxMachines", same_or_left(json!(row.max_machines), "maxMachines")),
        (
            "maxConcurrent",
            same_or_left(json!(row.max_concurrent), "maxConcurrent"),
        ),
        (
            "purchasedAt",
            row.purchased_at.is_none() || time("purchasedAt") == row.purchased_at,
        ),
        ("expiresAt", time("expiresAt") == row.expires_at),
        ("discountCode", license["discountCode"] == json!(row.discount_code)),
        ("purchaseId", license["purchaseId"] == json!(row.purchase_id)),
        ("bundleId", license["bundleId"] == json!(row.bundle_id)),
        ("unlockedProducts", unlocked == json!(row.unlocked_products)),
        ("status", license["status"] == json!(row.status)),
        (
            "disputeReason",
            // Where the status differs already, that is all there is to say.
            license["status"] != "revoked"
                || row.status != LicenseStatus::Revoked
                || license["disputeReason"] == json!(row.dispute_reason),
        ),
    ];
    checks
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(field, _)| field)
        .collect()
}
