//! Subjects: what a request is about, loaded and checked by the pipeline before an endpoint is called.

use std::future::Future;

use keystead_core::{
    Error, Result,
    error::Noun,
    license::{License, key::LicenseKey},
    owner::OwnerId,
    product::{Product, ProductId},
    sale::code::{Code, CodeName},
};

use crate::frame::{callers::Sees, context::Context};

/// What a request of `C` is about. A value of this type exists only if `C` may see it.
pub trait Subject<Request, C>: Sized + Send {
    /// What was read beside the authentication. Nobody is shown it before it is known who asks.
    type Prefetched: Send;

    /// Reads what can be read by its key alone, beside the authentication: that saves a round trip. Queries wait for
    /// [`Subject::admit`]: a partition is read for nobody whose credential is not known to be good.
    fn prefetch(cx: &Context, request: &Request) -> impl Future<Output = Result<Self::Prefetched>> + Send;

    /// Checks that it is there, and that `caller` may see it.
    fn admit(
        cx: &Context,
        caller: &C,
        request: &Request,
        prefetched: Self::Prefetched,
    ) -> impl Future<Output = Result<Self>> + Send;

    /// Whose it is, for an endpoint that needs a role in that owner's team.
    fn owner(&self) -> Option<&OwnerId> {
        None
    }
}

/// A request that names one `Key`.
pub trait Names<Key> {
    /// The key.
    fn named(&self) -> &Key;
}

/// A request that is about nothing that is there yet.
impl<R: Sync, C: Sync> Subject<R, C> for () {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &R) -> Result<()> {
        Ok(())
    }

    async fn admit(_: &Context, _: &C, _: &R, (): ()) -> Result<()> {
        Ok(())
    }
}

impl<R: Names<LicenseKey> + Sync, C: Sees + Sync> Subject<R, C> for License {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &R) -> Result<Option<Self>> {
        cx.store.license_get_unscoped(request.named()).await
    }

    async fn admit(_: &Context, caller: &C, _: &R, license: Option<Self>) -> Result<Self> {
        license
            .filter(|license| caller.sees(&license.owner_id))
            .ok_or(Error::NotFound(Noun::License))
    }
}

impl<R: Names<ProductId> + Sync, C: Sees + Sync> Subject<R, C> for Product {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &R) -> Result<Option<Self>> {
        cx.store.product_get_unscoped(request.named()).await
    }

    async fn admit(_: &Context, caller: &C, _: &R, product: Option<Self>) -> Result<Self> {
        product
            .filter(|product| caller.sees(&product.owner_id))
            .ok_or(Error::NotFound(Noun::Product))
    }
}

/// The product that a request names, should it name one.
impl<R: Names<Option<ProductId>> + Sync, C: Sees + Sync> Subject<R, C> for Option<Product> {
    type Prefetched = Self;

    async fn prefetch(cx: &Context, request: &R) -> Result<Self> {
        match request.named() {
            Some(id) => cx.store.product_get_unscoped(id).await,
            None => Ok(None),
        }
    }

    async fn admit(_: &Context, caller: &C, request: &R, product: Self) -> Result<Self> {
        if request.named().is_none() {
            return Ok(None);
        }
        let seen = product.filter(|product| caller.sees(&product.owner_id));
        seen.ok_or(Error::NotFound(Noun::Product)).map(Some)
    }
}

impl<R: Names<CodeName> + Sync, C: Sees + Sync> Subject<R, C> for Code {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &R) -> Result<Option<Self>> {
        cx.store.code_get_unscoped(request.named()).await
    }

    async fn admit(_: &Context, caller: &C, _: &R, code: Option<Self>) -> Result<Self> {
        code.filter(|code| caller.sees(&code.owner_id))
            .ok_or(Error::NotFound(Noun::Code))
    }
}
