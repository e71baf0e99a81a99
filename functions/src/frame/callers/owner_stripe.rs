//! A Stripe account of one owner's, which signs what it sends to an address of its own.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::Credential,
    owner::{
        OwnerId,
        api_key::{ApiKey, KeyPurpose, RawApiKey},
    },
    sale::stripe::{LONGEST_HEADER, SigningSecret},
    signing::{sealing::Seal, secrets::SecretName},
};

use super::{Authenticated, Caller, CallerKind, Source, store::store_actor, stripe};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// Stripe, which tells of one owner's products.
#[derive(Clone)]
pub struct OwnerStripe {
    /// Whose products it may tell of.
    pub owner: OwnerId,
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

/// An address, and a signature and what was signed.
pub struct Shown {
    endpoint: Option<RawApiKey>,
    signed: stripe::Shown,
}

impl Caller for OwnerStripe {
    const KIND: CallerKind = CallerKind::OwnerStripe;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Stores",
        needs: "Takes Stripe's signature of the body, made with the secret that was given for this address.",
        with_body: &["stripeSignature"],
        with_query: &["stripeSignature"],
        fields: &[],
    };

    type Shown = Shown;

    fn shown(incoming: &Incoming, fields: &mut Fields) -> Result<Shown> {
        Ok(Shown {
            endpoint: fields.take("endpointId").as_deref().and_then(RawApiKey::parse),
            signed: stripe::Shown::of(incoming)?,
        })
    }

    /// Before the signature is checked, one item is read at most, and nothing is written: nothing is read for what can be no
    /// address of ours, nor for a header that is longer than any of Stripe's.
    async fn check(cx: &Context, Shown { endpoint, signed }: Shown, source: Source) -> Result<Authenticated<Self>> {
        const REFUSED: Error = Error::Unauthenticated(Credential::Caller);

        let endpoint =
            endpoint.filter(|key| key.may_be_for(KeyPurpose::Stripe) && signed.header.len() <= LONGEST_HEADER);
        let endpoint = endpoint.ok_or(REFUSED)?;
        let stored = cx.store.api_key_by_hash_unscoped(&endpoint.hash()).await?;
        let stored = stored.filter(|key| key.active && key.purpose == KeyPurpose::Stripe);
        let stored = stored.ok_or(REFUSED)?;
        let secret = stored.endpoint_secret(&seal(cx)?);
        let secret = secret.ok_or(Error::internal("the secret of an address for Stripe can't be opened"))?;
        SigningSecret::new(secret.reveal()).verify(&signed.header, &signed.body, cx.clock.now())?;
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(store_actor(ApiKey::short_id(&stored))),
                owner: stored.owner_id,
            },
            credential: signed.header,
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// What seals the secrets of such addresses.
///
/// # Errors
/// [`Error::Internal`] in a function that may not read the credentials.
pub(crate) fn seal(cx: &Context) -> Result<Seal> {
    cx.credentials.get()?.sealing.seal_for("stripe secret")
}
