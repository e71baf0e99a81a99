//! Vendors' back ends, which show an API key of one product: `gg_...`.

use bytes::Bytes;
use keystead_core::{
    Error, Result,
    audit::Origin,
    error::{Credential, Noun, Restriction},
    event::{Actor, ActorKind},
    owner::{Scope, api_key::RawApiKey, organisation::Organisation, permission::Permission, product_key},
    product::{Product, ProductId},
    request::request_signature::{RequestSignature, SignatureNonce},
    signing::sealing::SealingRoot,
};

use super::{Authenticated, Caller, CallerKind, Source};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// The holder of an API key of one product.
///
/// **Invariant**: it is not [`super::Sees`]. That tells owners apart, and a key opens one product of its owner's: what is of
/// another product is for the endpoint to refuse ([`ProductKey::require_product`]).
#[derive(Clone)]
pub struct ProductKey {
    /// The key, as stored.
    pub key: product_key::ProductKey,
    /// What seals for this secret alone.
    pub sealing: SealingRoot,
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl ProductKey {
    /// Checks that the key is of this product.
    ///
    /// # Errors
    /// [`Restriction::ForeignProduct`].
    pub fn require_product(&self, product: &ProductId) -> Result<()> {
        let is_own = self.key.product_id == *product;
        is_own
            .then_some(())
            .ok_or(Error::Forbidden(Restriction::ForeignProduct))
    }

    /// The product that the key opens, and the organisation that has it, should its owner be one.
    ///
    /// # Errors
    /// [`Noun::Product`] when either was deleted.
    pub async fn product(&self, cx: &Context) -> Result<(Product, Option<Organisation>)> {
        let scope = Scope::Owner(self.key.owner_id.clone());
        let (product, organisation) = tokio::try_join!(
            cx.store.product_get(&scope, &self.key.product_id),
            cx.store.organisation_get_unscoped(&self.key.owner_id),
        )?;
        let organisation = organisation.map(Organisation::present).transpose();
        let organisation = organisation.map_err(|_| Error::NotFound(Noun::Product))?;
        Ok((product, organisation))
    }
}

/// What may be a key, and what may be the signature of a request.
pub struct Shown {
    key: RawApiKey,
    signed: Option<Signed>,
}

/// A signature, and what was signed.
struct Signed {
    timestamp: String,
    nonce: String,
    signature: String,
    method: String,
    target: String,
    body: Bytes,
}

impl Signed {
    /// The signature of a request, if all of it is there.
    fn of(incoming: &Incoming) -> Option<Self> {
        let header = |name| incoming.header(name).map(|value| value.trim().to_owned());
        Some(Self {
            timestamp: header("x-gg-timestamp")?,
            nonce: header("x-gg-nonce")?,
            signature: header("x-gg-signature")?,
            method: incoming.method.as_str().to_owned(),
            target: match &incoming.query {
                Some(query) if !query.is_empty() => format!("{}?{query}", incoming.path),
                Some(_) | None => incoming.path.clone(),
            },
            // Of a body that is not in memory, no signature is right.
            body: Bytes::copy_from_slice(incoming.body.bytes()),
        })
    }

    fn verify(&self, key: &RawApiKey, cx: &Context) -> Result<SignatureNonce> {
        let signature = RequestSignature {
            timestamp: &self.timestamp,
            nonce: &self.nonce,
            signature: &self.signature,
            method: &self.method,
            target: &self.target,
            body: &self.body,
        };
        signature.verify(key, cx.clock.now())
    }
}

impl Caller for ProductKey {
    const KIND: CallerKind = CallerKind::ProductKey;
    const IN_BODY: bool = false;
    const GUESSES_COUNT: bool = true;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Back ends",
        needs: "Takes an API key of the product.",
        with_body: &["productKey", "productKeyHeader"],
        with_query: &["productKey", "productKeyHeader"],
        fields: &[],
    };

    type Shown = Shown;

    fn shown(incoming: &Incoming, _: &mut Fields) -> Result<Shown> {
        Ok(Shown {
            key: incoming
                .product_key()
                .ok_or(Error::Unauthenticated(Credential::Caller))?,
            signed: Signed::of(incoming),
        })
    }

    fn is_known(cx: &Context, shown: &Shown) -> bool {
        cx.known_keys.contains(&shown.key.hash())
    }

    /// What can be no key costs no call of DynamoDB; what can be one is read by its hash. The nonce of a signature is stored
    /// once both are right, so strangers store none.
    async fn check(cx: &Context, Shown { key, signed }: Shown, source: Source) -> Result<Authenticated<Self>> {
        let now = cx.clock.now();
        let hash = key.hash();
        let stored = cx.store.product_key_by_hash_unscoped(&hash).await?;
        let Some(stored) = stored.filter(|key| key.opens(now)) else {
            cx.known_keys.remove(&hash);
            return Err(Error::Unauthenticated(Credential::Caller));
        };
        cx.known_keys.insert(&hash);
        match signed {
            Some(signed) => {
                let nonce = signed.verify(&key, cx)?;
                let until = now + SignatureNonce::RETENTION;
                cx.store.nonce_use(&stored.key_id, &nonce, until, now).await?;
            }
            None if cx.config.signatures_are_required => return Err(Error::Unauthenticated(Credential::Signature)),
            None => {}
        }
        let actor = Actor {
            kind: ActorKind::ApiKey,
            id: Some(stored.key_id.to_string()),
        };
        Ok(Authenticated {
            caller: Self {
                key: stored,
                sealing: SealingRoot::of_holder(key.reveal()),
                origin: source.origin(actor),
            },
            credential: key.reveal().to_owned(),
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn permits(&self, permission: Permission) -> bool {
        self.key.permits(permission)
    }

    async fn note_use(&self, cx: &Context) {
        let now = cx.clock.now();
        if self.key.use_is_due(now) {
            cx.store.product_key_use(&self.key, now).await;
        }
    }
}
