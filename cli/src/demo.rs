//! Something to try a new server with.

use keystead_core::{
    Error, Result, Timestamp,
    audit::{Audit, Origin},
    ids::CreationId,
    license::{
        License,
        key::{LicenseId, LicenseKey},
        seats::{LicenseType, SeatLimit},
    },
    owner::{
        OwnerId, Scope,
        api_key::{ApiKey, KeyPurpose, RawApiKey},
    },
    product::{
        Product, ProductId, ProductStatus,
        variant::{Variant, VariantId},
    },
    value::{email::Email, name::Name},
};
use keystead_functions::frame::context::Context;

/// The demo license's key. The same in every installation, so that requests can be written down.
const LICENSE: &str = "de300000-0000-4000-8000-000000000001";
const PRODUCT: &str = "demo-app";

/// Whether nothing has been made here yet.
pub(crate) async fn wanted(cx: &Context) -> Result<bool> {
    Ok(cx
        .store
        .product_list(&Scope::Everything, ProductStatus::ALL)
        .await?
        .is_empty())
}

/// Makes a product, a variant, a license for three machines, and an API key. Answers the API key in clear.
pub(crate) async fn make(cx: &Context) -> Result<String> {
    let now: Timestamp = cx.clock.now();
    let parsed = || Error::internal("the demo data is malformed");
    let owner_id = OwnerId::parse("demo").ok_or_else(parsed)?;
    let product_id = ProductId::parse(PRODUCT).ok_or_else(parsed)?;
    let variant_id = VariantId::parse("indie").ok_or_else(parsed)?;
    let name = |text| Name::parse(text).ok_or_else(parsed);

    let audit = Audit {
        origin: Origin::keystead(),
        now,
        retention: cx.config.event_retention,
        ids: cx.ids.clone(),
    };

    let variant = Variant {
        product_id: product_id.clone(),
        variant_id: variant_id.clone(),
        name: name("Indie")?,
        license_type: LicenseType::PerMachine,
        max_machines: Some(SeatLimit::Limited(3)),
        max_concurrent: None,
        trial_days: None,
        offline_days: None,
        price: None,
        active: true,
        creation: CreationId::new(&cx.ids)?,
    };
    cx.store.variant_create(&variant, &owner_id, &audit).await?;
    let creation = CreationId::new(&cx.ids)?;
    let product = Product::new(product_id, name("Demo App")?, owner_id.clone(), creation, now);
    let license = License::new(
        LicenseKey::parse(LICENSE).ok_or_else(parsed)?,
        LicenseId::new(&cx.ids, now)?,
        &product,
        variant_id,
        Some(&variant),
        Email::parse("customer@example.com").ok_or_else(parsed)?,
        now,
    );
    cx.store.license_create(&license, &audit, &[], None).await?;
    let raw = RawApiKey::new(&cx.ids)?;
    let api_key = ApiKey {
        key_hash: raw.hash(),
        owner_id,
        purpose: KeyPurpose::Api,
        sealed_secret: None,
        name: name("Demo key")?,
        active: true,
        created_at: now,
    };
    cx.store.api_key_create(&api_key, &audit).await?;
    // The product last: until it is there, the next start makes the rest again.
    cx.store.product_create(&product, &audit).await?;
    Ok(raw.reveal().to_owned())
}

/// Three requests to paste, if the demo license is there. The last one shows the demo owner's API key or, when that was
/// shown at an earlier start, the admin secret of the shell's environment: on the standard input, since a command's arguments are
/// everybody's to read who works on this machine.
pub(crate) async fn requests(cx: &Context, url: &str, api_key: Option<&str>) -> Result<Option<String>> {
    let Some(key) = LicenseKey::parse(LICENSE) else {
        return Ok(None);
    };
    if cx.store.license_get_unscoped(&key).await?.is_none() {
        return Ok(None);
    }
    let credential = match api_key {
        Some(key) => format!(r#""apiKey":"{key}""#),
        None => r#""adminSecret":"$KEYSTEAD_ADMIN_SECRET""#.to_owned(),
    };
    Ok(Some(format!(
        r#"Try it:

  curl -sw '\n' {url}/activate -H 'Content-Type: application/json' \
    -d '{{"licenseKey":"{LICENSE}","machineFingerprint":"my-machine","hostname":"my-laptop","productId":"{PRODUCT}"}}'

  curl -sw '\n' {url}/verify -H 'Content-Type: application/json' \
    -d '{{"licenseKey":"{LICENSE}","productId":"{PRODUCT}"}}'

  curl -sw '\n' {url}/getLicense -H 'Content-Type: application/json' \
    -d @- <<END
{{{credential},"licenseKey":"{LICENSE}"}}
END
"#
    )))
}
