//! Subjects: what a request is about, loaded and checked by the pipeline before an endpoint is called.

use std::future::Future;

use keystead_core::{
    Error, Result,
    error::Noun,
    license::{License, key::LicenseKey},
    owner::{
        OwnerId, Scope,
        member::Role,
        organisation::Membership,
        product_key::{self, ProductKeyId},
    },
    product::{Product, ProductId},
    sale::code::{Code, CodeName},
};

use crate::frame::{
    callers::{HoldsAccount, ProductKey, Sees, Source},
    context::Context,
};

/// What a request of `C` is about. A value of this type exists only if `C` may see it.
pub trait Subject<Request, C>: Sized + Send {
    /// What was read beside the authentication. Nobody is shown it before it is known who asks.
    type Prefetched: Send;

    /// Reads what can be read by its key alone, beside the authentication: that saves a round trip. Queries wait for
    /// [`Subject::admit`]: a partition is read for nobody whose credential is not known to be good.
    fn prefetch(
        cx: &Context,
        request: &Request,
        source: &Source,
    ) -> impl Future<Output = Result<Self::Prefetched>> + Send;

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

    /// What the caller may do in that team, where loading the subject has told.
    fn role(&self) -> Option<Role> {
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

    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(_: &Context, _: &C, _: &R, (): ()) -> Result<()> {
        Ok(())
    }
}

impl<R: Names<LicenseKey> + Sync, C: Sees + Sync> Subject<R, C> for License {
    type Prefetched = Option<Self>;

    async fn prefetch(cx: &Context, request: &R, _: &Source) -> Result<Option<Self>> {
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

    async fn prefetch(cx: &Context, request: &R, _: &Source) -> Result<Option<Self>> {
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

    async fn prefetch(cx: &Context, request: &R, _: &Source) -> Result<Self> {
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

    async fn prefetch(cx: &Context, request: &R, _: &Source) -> Result<Option<Self>> {
        cx.store.code_get_unscoped(request.named()).await
    }

    async fn admit(_: &Context, caller: &C, _: &R, code: Option<Self>) -> Result<Self> {
        code.filter(|code| caller.sees(&code.owner_id))
            .ok_or(Error::NotFound(Noun::Code))
    }
}

/// An organisation that a request names, to who is a member of its team. Nobody else is told that it is there.
impl<R: Names<OwnerId> + Sync, C: HoldsAccount + Sync> Subject<R, C> for Membership {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &C, request: &R, (): ()) -> Result<Self> {
        cx.store.membership_get(request.named(), caller.account()).await
    }

    fn owner(&self) -> Option<&OwnerId> {
        Some(&self.organisation.owner_id)
    }

    fn role(&self) -> Option<Role> {
        Some(self.member.role)
    }
}

/// Something that a team has, to who is a member of it. To anybody else it is not there.
pub struct InTeam<T> {
    /// What the team has.
    pub subject: T,
    /// The team, and as what the caller is in it.
    pub of: Membership,
}

/// The team of `owner`, of which the caller must be a member: otherwise `noun` is not found.
async fn team<C: HoldsAccount>(cx: &Context, caller: &C, owner: &OwnerId, noun: Noun) -> Result<Membership> {
    match cx.store.membership_get(owner, caller.account()).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound(noun)),
        found => found,
    }
}

impl<R: Names<ProductId> + Sync, C: HoldsAccount + Sync> Subject<R, C> for InTeam<Product> {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &C, request: &R, (): ()) -> Result<Self> {
        let subject = cx.store.product_get(&Scope::Everything, request.named()).await?;
        let of = team(cx, caller, &subject.owner_id, Noun::Product).await?;
        Ok(Self { subject, of })
    }

    fn owner(&self) -> Option<&OwnerId> {
        Some(&self.subject.owner_id)
    }

    fn role(&self) -> Option<Role> {
        Some(self.of.member.role)
    }
}

impl<R: Names<ProductKeyId> + Sync, C: HoldsAccount + Sync> Subject<R, C> for InTeam<product_key::ProductKey> {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    /// The key of a product that was deleted is not there either.
    async fn admit(cx: &Context, caller: &C, request: &R, (): ()) -> Result<Self> {
        let key = cx.store.product_key_get(&Scope::Everything, request.named()).await?;
        let subject = key.ok_or(Error::NotFound(Noun::ApiKey))?;
        let (of, product) = tokio::try_join!(
            team(cx, caller, &subject.owner_id, Noun::ApiKey),
            cx.store.product_get_unscoped(&subject.product_id),
        )?;
        product.ok_or(Error::NotFound(Noun::ApiKey))?;
        Ok(Self { subject, of })
    }

    fn owner(&self) -> Option<&OwnerId> {
        Some(&self.subject.owner_id)
    }

    fn role(&self) -> Option<Role> {
        Some(self.of.member.role)
    }
}

/// The one product that an API key opens. Any other is forbidden, whether it is there or not.
impl<R: Names<ProductId> + Sync> Subject<R, ProductKey> for Product {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &ProductKey, request: &R, (): ()) -> Result<Self> {
        caller.require_product(request.named())?;
        let (product, _) = caller.product(cx).await?;
        Ok(product)
    }
}
