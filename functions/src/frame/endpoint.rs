//! What an endpoint is.

use std::future::Future;

use http::StatusCode;
use keystead_core::{
    Error, Result,
    account::{Account, login::LoginId},
    audit::Origin,
    error::{Credential, ErrorCode},
    license::machine::Country,
    owner::Scope,
};
use serde::de::DeserializeOwned;

use crate::frame::{
    context::Context,
    face::Face,
    reply::{Body, Cache, Head},
};

/// An endpoint: one type, one file, one Lambda binary. ADDING-AN-ENDPOINT.md walks through one.
pub trait Endpoint: 'static {
    /// Its name, which is also that of its binary and, in the template, of its function: the route in kebab case.
    const NAME: &'static str;
    /// Its methods and path: `POST /activate`, `GET|POST /getLicense`.
    const ROUTE: &'static str;
    /// What it does, in one sentence of its documentation.
    const SUMMARY: &'static str;
    /// Who may call it.
    const AUTH: Auth;
    /// The fields that must be there. A field that is null or blank counts as absent.
    const REQUIRED: &'static [&'static str] = &[];
    /// The fields that it asks for only in some cases, one list for each case: what a refusal with
    /// [`ErrorCode::MissingFields`] names then.
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[];
    /// Whether it changes something, so that a client may name a request with an `Idempotency-Key` and send it again.
    /// Signs of life are no changes: one that is answered from memory would keep nothing alive. Nor is `/activate`, which
    /// takes one slot for a machine however often it asks, and must ask a license that may be revoked by now; nor
    /// `/moveLicense`, which lets a machine in as well.
    const WRITES: bool = false;
    /// Whether it calls DynamoDB, so that its function opens a connection before its first request.
    const CALLS_DYNAMODB: bool = true;
    /// How long its replies may be kept.
    const CACHE: Cache = Cache::Never;
    /// The statuses of its good replies, which [`Endpoint::head`] chooses from.
    const STATUSES: &'static [StatusCode] = &[StatusCode::OK];
    /// Why it may refuse, in the order of precedence; what the pipeline refuses for every endpoint goes without saying.
    const REFUSALS: &'static [ErrorCode] = &[];

    /// How its API speaks.
    type Face: Face;
    /// What it is asked: the body's fields or, of a GET, the query's.
    type Request: DeserializeOwned + Described + Send + Sync;
    /// What [`Endpoint::fetch`] answers; `()` where nothing can be known so early.
    type Fetched: Default + Send;
    /// What it answers.
    type Reply: Body + Described;

    /// What can be read, or counted, before it is known who asks. It runs beside the authentication, which saves a
    /// round trip; when that fails, what was fetched is dropped.
    fn fetch(_: &Context, _: &Self::Request) -> impl Future<Output = Result<Self::Fetched>> + Send {
        async { Ok(Self::Fetched::default()) }
    }

    /// What a good reply says beside its body.
    fn head(_: &Context, _: &Self::Reply) -> Head {
        Head::default()
    }

    /// Decides, writes and answers.
    fn call(
        cx: &Context,
        caller: Caller,
        request: Self::Request,
        fetched: Self::Fetched,
    ) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Anyone.
    Public,
    /// Whoever holds a license key: it is the credential.
    LicenseKey,
    /// The admin secret, or an API key, which sees its owner's records only.
    Admin,
    /// The admin secret only.
    SuperAdmin,
    /// Whoever is signed in to an account: a token in the cookie `session`, or as `Authorization: Bearer`.
    Login,
    /// A store that shows the webhook secret.
    Webhook,
    /// Stripe, which signs what it sends.
    Stripe,
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose records they may see.
    pub scope: Scope,
    /// The country they call from, when a trusted proxy tells.
    pub country: Option<Country>,
    /// Who they are, and where they call from, as events tell it.
    pub origin: Origin,
    /// The account that they are signed in to, where that is asked for.
    pub signed_in: Option<SignedIn>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Their account.
    pub account: Account,
    /// By which login.
    pub login: LoginId,
}

impl Caller {
    /// Who is signed in.
    ///
    /// # Errors
    /// [`Credential::Caller`].
    pub fn signed_in(&self) -> Result<&SignedIn> {
        self.signed_in
            .as_ref()
            .ok_or(Error::Unauthenticated(Credential::Caller))
    }
}

/// What the OpenAPI document can describe: everything, where nobody writes it.
#[cfg(not(feature = "openapi"))]
pub trait Described {}

#[cfg(not(feature = "openapi"))]
impl<T> Described for T {}

/// What the OpenAPI document can describe: what has a JSON Schema.
#[cfg(feature = "openapi")]
pub trait Described: schemars::JsonSchema {}

#[cfg(feature = "openapi")]
impl<T: schemars::JsonSchema> Described for T {}

/// The path in an [`Endpoint::ROUTE`].
pub(crate) fn path(route: &'static str) -> &'static str {
    route.split_once(' ').map_or("", |(_, path)| path)
}

/// Whether a browser's cookie speaks for requests, or is set by them. No page's form may make such a request.
pub(crate) fn goes_by_cookie(sets_cookies: bool, auth: Auth) -> bool {
    sets_cookies || auth == Auth::Login
}
