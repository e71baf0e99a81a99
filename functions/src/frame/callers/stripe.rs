//! Stripe, which signs what it sends.

use bytes::Bytes;
use keystead_core::{Error, Result, audit::Origin, error::Credential, signing::secrets::SecretName};

use super::{Authenticated, Caller, CallerKind, Source, store::store_actor};
use crate::frame::{body::RequestBody, context::Context, fields::Fields, request::Incoming};

/// Stripe, which tells of everybody's products.
#[derive(Clone)]
pub struct Stripe {
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

/// A signature, and what was signed.
pub struct Shown {
    pub(super) header: String,
    pub(super) body: Bytes,
}

impl Shown {
    /// What a request shows.
    ///
    /// # Errors
    /// [`Credential::Caller`] when it is not signed.
    pub(super) fn of(incoming: &Incoming) -> Result<Self> {
        let header = incoming.header("stripe-signature");
        Ok(Self {
            header: header.ok_or(Error::Unauthenticated(Credential::Caller))?.to_owned(),
            body: match &incoming.body {
                RequestBody::Whole(body) => body.clone(),
                RequestBody::TooLong | RequestBody::Stream(_) => Bytes::new(),
            },
        })
    }
}

impl Caller for Stripe {
    const KIND: CallerKind = CallerKind::Stripe;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Stores",
        needs: "Takes Stripe's signature of the body.",
        with_body: &["stripeSignature"],
        with_query: &["stripeSignature"],
        fields: &[],
    };

    type Shown = Shown;

    fn shown(incoming: &Incoming, _: &mut Fields) -> Result<Shown> {
        Shown::of(incoming)
    }

    async fn check(cx: &Context, Shown { header, body }: Shown, source: Source) -> Result<Authenticated<Self>> {
        cx.credentials.verify_stripe(&header, &body, cx.clock.now()).await?;
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(store_actor("stripe")),
            },
            credential: header,
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}
