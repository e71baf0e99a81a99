//! Buyers: which license a request is about, by its key or by its id, and that the caller bought it.

use keystead_core::{
    Error, InvalidRequest, Result,
    account::Account,
    error::{Noun, Restriction},
    license::{License, key::LicenseId},
    value::email::Email,
};
use serde::Deserialize;

use super::TypedKey;
use crate::frame::{
    callers::{SignedIn, Source},
    context::Context,
    lenient::blank_is_absent,
    subject::Subject,
};

/// Which license, to those who bought it: by its key, or by its id. The key counts if both are there.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<TypedKey>"))]
    key: Option<TypedKey>,
    /// The id that stays when the key is exchanged.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<LicenseId>"))]
    license_id: Option<LicenseId>,
}

impl Request {
    /// That it names a license at all.
    ///
    /// # Errors
    /// [`InvalidRequest::MissingFields`], which names the key as the contract has it.
    pub(super) fn check(&self) -> Result<()> {
        if self.key.is_none() && self.license_id.is_none() {
            return Err(Error::Invalid(InvalidRequest::MissingFields(&["key"])));
        }
        Ok(())
    }
}

/// The license that the caller bought, and names.
pub enum Bought {
    /// It is there.
    License(Box<License>),
    /// The key is no license's: it may have been exchanged by this same request, whose reply was lost.
    Gone(TypedKey),
}

impl Bought {
    /// The license.
    ///
    /// # Errors
    /// [`Noun::License`], when it is not there.
    pub(super) fn license(self) -> Result<License> {
        match self {
            Self::License(license) => Ok(*license),
            Self::Gone(_) => Err(Error::NotFound(Noun::License)),
        }
    }
}

impl Subject<Request, SignedIn> for Bought {
    type Prefetched = Option<License>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<License>> {
        match &request.key {
            Some(key) => key.license(cx).await,
            None => Ok(None),
        }
    }

    async fn admit(cx: &Context, caller: &SignedIn, request: &Request, license: Option<License>) -> Result<Self> {
        let license = match (license, &request.key, &request.license_id) {
            (Some(license), ..) => license,
            (None, Some(key), _) => return Ok(Self::Gone(key.clone())),
            (None, None, Some(id)) => {
                let found = cx.store.license_by_id_unscoped(id).await?;
                found.ok_or(Error::NotFound(Noun::License))?
            }
            (None, None, None) => return Err(Error::NotFound(Noun::License)),
        };
        check_bought(cx, &caller.account, &license).await?;
        Ok(Self::License(Box::new(license)))
    }
}

/// That a license was bought with an address of the account.
///
/// # Errors
/// [`Restriction::Role`].
pub(super) async fn check_bought(cx: &Context, account: &Account, license: &License) -> Result<()> {
    let is_theirs = has_address(cx, account, &license.email).await?;
    is_theirs.then_some(()).ok_or(Error::Forbidden(Restriction::Role))
}

/// Whether what was bought with this address is the account's: it is its own, or it was and is now that of no other account.
pub(super) async fn has_address(cx: &Context, account: &Account, email: &Email) -> Result<bool> {
    let email = email.to_folded();
    if email == account.email {
        return Ok(true);
    }
    Ok(account.former.contains(&email) && cx.store.account_get(&email).await?.is_none())
}
