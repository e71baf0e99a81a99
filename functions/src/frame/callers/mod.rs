//! Callers: a type for each credential, in a file each: how it is shown, checked and documented.

mod account_holder;
mod admin;
mod anyone;
#[cfg(feature = "openapi")]
pub(crate) mod document;
mod license_key_holder;
mod newcomer;
mod operator;
pub(crate) mod owner_stripe;
pub(crate) mod product_key;
mod signed_in;
mod store;
mod stripe;
mod super_admin;

use std::future::Future;

use keystead_core::{
    Error, Result,
    account::Account,
    audit::Origin,
    error::Restriction,
    event::{Actor, ActorKind, UserAgent},
    license::{
        key::{KeyMark, LicenseKey},
        machine::Country,
    },
    owner::{OwnerId, member::Role, permission::Permission},
    request::{client_address::ClientAddress, id::RequestId, trusted_proxy::TrustedProxy},
    signing::secrets::SecretName,
};

use sha2::{Digest as _, Sha256};

use crate::frame::{context::Context, fields::Fields, request::Incoming};

pub use account_holder::AccountHolder;
pub use admin::Admin;
pub use anyone::Anyone;
pub use license_key_holder::LicenseKeyHolder;
pub use newcomer::Newcomer;
pub use operator::Operator;
pub use owner_stripe::OwnerStripe;
pub use product_key::ProductKey;
pub use signed_in::SignedIn;
pub use store::Store;
pub use stripe::Stripe;
pub use super_admin::SuperAdmin;

/// The list of credentials, for what differs by them in documents and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// [`Anyone`], and [`Newcomer`].
    Anyone,
    /// [`LicenseKeyHolder`].
    LicenseKeyHolder,
    /// [`Admin`].
    Admin,
    /// [`SuperAdmin`].
    SuperAdmin,
    /// [`Operator`].
    Operator,
    /// [`SignedIn`].
    SignedIn,
    /// [`Store`].
    Store,
    /// [`Stripe`].
    Stripe,
    /// [`OwnerStripe`].
    OwnerStripe,
    /// [`ProductKey`].
    ProductKey,
    /// [`AccountHolder`].
    AccountHolder,
}

/// Who calls an endpoint: what an endpoint's `call` is given exists only if the credential is good.
pub trait Caller: Clone + Send + Sync + 'static {
    /// Its place in the list.
    const KIND: CallerKind;
    /// The secrets without which the credential can't be checked.
    const SECRETS: &'static [SecretName] = &[];
    /// Whether a request's body may hold the credential. Where it may not, a caller without one is told so before anything
    /// that is wrong with the body.
    const IN_BODY: bool = true;
    /// Whether a cookie may be the credential. [`crate::frame::browser::guard`] looks at such requests.
    const IN_COOKIE: bool = false;
    /// Whether a wrong credential is counted against the network that it comes from ([`crate::frame::failures`]): of secrets
    /// that programs hold. People's passwords have limits of their own.
    const GUESSES_COUNT: bool = false;
    /// Whether the credential is found good only with what the request is about: of a wrong license key, no license is found.
    /// Until then nothing is written, and what is not found is counted against the network that it comes from.
    const PROVEN_BY_SUBJECT: bool = false;
    /// How the OpenAPI document shows it.
    #[cfg(feature = "openapi")]
    const DOCUMENT: document::Document;

    /// What a request shows.
    type Shown: Send;

    /// Takes what is shown out of a request, so that it goes no further.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when nothing is shown that could be good.
    fn shown(incoming: &Incoming, fields: &mut Fields) -> Result<Self::Shown>;

    /// Whether what the request is about may be read beside the credential: of most callers that is one read. Of those whose
    /// requests take more, only once the credential is known to this process.
    fn is_known(_: &Context, _: &Self::Shown) -> bool {
        true
    }

    /// Checks what is shown.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    fn check(
        cx: &Context,
        shown: Self::Shown,
        source: Source,
    ) -> impl Future<Output = Result<Authenticated<Self>>> + Send;

    /// Who and where they are, as events have it.
    fn origin(&self) -> &Origin;

    /// Checks that the caller may do for `owner` what `role` may. Most have no role in anybody's team.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    fn require(&self, _: &Context, _owner: &OwnerId, _role: Role) -> impl Future<Output = Result<()>> + Send {
        async { Err(Error::Forbidden(Restriction::Role)) }
    }

    /// Whether the caller may do what needs `permission`. Only API keys have permissions.
    fn permits(&self, _: Permission) -> bool {
        false
    }

    /// Notes that the credential was used, if that is to be noted: beside what the pipeline does for the request.
    ///
    /// **Best effort**: the request must not fail for it.
    fn note_use(&self, _: &Context) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// A caller who may see the records of some owners.
pub trait Sees {
    /// Whether records of `owner` may be seen. Those that may not are not found, rather than forbidden.
    fn sees(&self, owner: &OwnerId) -> bool;
}

/// A caller who is signed in to an account.
pub trait HoldsAccount {
    /// The account.
    fn account(&self) -> &Account;
}

/// A caller whose credential is good.
pub struct Authenticated<C> {
    /// Who calls.
    pub caller: C,
    /// The credential, in clear: idempotency keys of different credentials are different ones.
    pub credential: String,
}

/// Where a request comes from, and how its answer is wanted there.
#[derive(Clone)]
pub struct Source {
    /// The client's address.
    pub address: ClientAddress,
    user_agent: Option<UserAgent>,
    country: Option<Country>,
    request_id: Option<RequestId>,
    /// Whether the answer will be signed: the client sent a nonce.
    pub(crate) wants_signature: bool,
}

impl Source {
    /// The country that they call from, when a trusted proxy tells.
    pub(crate) fn country(&self) -> Option<&Country> {
        self.country.as_ref()
    }

    pub(crate) fn of(incoming: &Incoming, proxy: &TrustedProxy, request_id: Option<RequestId>) -> Self {
        let (address, country) = incoming.whereabouts(proxy);
        Self {
            address,
            user_agent: incoming.header("user-agent").and_then(UserAgent::parse),
            country,
            request_id,
            wants_signature: false,
        }
    }

    fn origin(self, actor: Actor) -> Origin {
        Origin {
            actor,
            address: self.address,
            user_agent: self.user_agent,
            request_id: self.request_id,
        }
    }
}

/// How many digits of a hash the log has of a caller: enough to tell one from another.
const MARK: usize = 12;

/// Who calls, as the log names them: what kind of caller and, where there are several, a mark that tells one from another
/// and lets nobody in. `None` of who shows nothing.
pub(crate) fn logged(actor: &Actor, credential: &str) -> Option<String> {
    let mark = match actor.kind {
        ActorKind::Anyone => return None,
        // The beginning of the mark by which a former key is known.
        ActorKind::Customer => {
            let [key, _] = serde_json::from_str::<[String; 2]>(credential).ok()?;
            Some(KeyMark::of(&LicenseKey::typed(&key)?).to_string())
        }
        ActorKind::Account | ActorKind::Member => actor.id.as_deref().map(|id| hex::encode(Sha256::digest(id))),
        ActorKind::Admin | ActorKind::ApiKey | ActorKind::Store | ActorKind::Keystead => actor.id.clone(),
    };
    let kind = actor.kind.as_str();
    Some(match mark {
        Some(mark) => format!("{kind}:{}", mark.get(..MARK).unwrap_or(&mark)),
        None => kind.to_owned(),
    })
}
