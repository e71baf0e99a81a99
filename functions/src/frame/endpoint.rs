//! What an endpoint is.

use std::future::Future;

use http::StatusCode;
use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, permission::Permission},
    signing::secrets::SecretName,
};
use serde::de::DeserializeOwned;

use crate::frame::{
    body::{BODY_LIMIT, BodyMode},
    callers::Caller,
    context::Context,
    face::Face,
    reply::{Body, Cache, Head},
    subject::Subject,
};

/// An endpoint: one type, one file, one Lambda binary. ADDING-AN-ENDPOINT.md walks through one.
pub trait Endpoint: 'static {
    /// Its name, which is also that of its binary and, in the template, of its function: the route in kebab case.
    const NAME: &'static str;
    /// Its methods and path: `POST /activate`, `GET|POST /getLicense`.
    const ROUTE: &'static str;
    /// What it does, in one sentence of its documentation.
    const SUMMARY: &'static str;
    /// What it needs of its caller beyond a good credential.
    const NEEDS: Needs = Needs::Nothing;
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
    /// The secrets that it reads beside those of its caller and its face.
    const SECRETS: &'static [SecretName] = &[];
    /// How it takes a body, and the longest that it takes.
    const BODY: BodyMode = BodyMode::Whole { limit: BODY_LIMIT };
    /// How long its replies may be kept.
    const CACHE: Cache = Cache::Never;
    /// The statuses of its good replies, which [`Endpoint::head`] chooses from.
    const STATUSES: &'static [StatusCode] = &[StatusCode::OK];
    /// Why it may refuse, in the order of precedence; what the pipeline refuses for every endpoint goes without saying.
    const REFUSALS: &'static [ErrorCode] = &[];

    /// How its API speaks.
    type Face: Face;
    /// Who may call it.
    type Caller: Caller;
    /// What it is asked: the body's fields or, of a GET, the query's.
    type Request: DeserializeOwned + Described + Send + Sync;
    /// What a request is about, which the pipeline loads and checks; `()` where that is nothing.
    type Subject: Subject<Self::Request, Self::Caller>;
    /// What it answers.
    type Reply: Body + Described;

    /// What is wrong with a request beyond its fields, before anything is read.
    ///
    /// # Errors
    /// Its refusals of that.
    fn check(_: &Context, _: &Self::Request) -> Result<()> {
        Ok(())
    }

    /// What a good reply says beside its body.
    fn head(_: &Context, _: &Self::Reply) -> Head {
        Head::default()
    }

    /// Decides, writes and answers.
    fn call(
        cx: &Context,
        caller: Self::Caller,
        request: Self::Request,
        subject: Self::Subject,
    ) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// What an endpoint needs of its caller beyond a good credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// What this role may do in the team of the subject's owner.
    Role(Role),
    /// An API key with this permission.
    Permission(Permission),
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
