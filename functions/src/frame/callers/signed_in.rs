//! People who are signed in to an account.

use keystead_core::{
    Error, Result,
    account::{Account, login::Login},
    audit::Origin,
    error::{Credential, Restriction},
    event::Actor,
    owner::{OwnerId, member::Role},
    signing::{
        account_token::{AccountToken, Purpose},
        sealing::SealingRoot,
        secrets::SecretName,
    },
};

use super::{Authenticated, Caller, CallerKind, Source};
use crate::frame::{browser, context::Context, fields::Fields, request::Incoming};

/// Somebody who is signed in.
#[derive(Clone)]
pub struct SignedIn {
    /// Their account.
    pub account: Account,
    /// By which login.
    pub login: Login,
    /// What seals for this login alone.
    pub sealing: SealingRoot,
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl Caller for SignedIn {
    const KIND: CallerKind = CallerKind::SignedIn;
    const SECRETS: &'static [SecretName] = &[SecretName::Accounts];
    const IN_BODY: bool = false;
    const IN_COOKIE: bool = true;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "People",
        needs: "Takes the token of somebody who is signed in.",
        with_body: &["bearer", "sessionCookie"],
        with_query: &["bearer", "sessionCookie"],
        fields: &[],
    };

    /// What may be a token.
    type Shown = String;

    fn shown(incoming: &Incoming, _: &mut Fields) -> Result<String> {
        let token = incoming.bearer().or_else(|| browser::session(incoming));
        token
            .map(str::to_owned)
            .ok_or(Error::Unauthenticated(Credential::Caller))
    }

    /// A forged or expired token costs no call of DynamoDB; a good one is looked up, so that it is good for nothing from
    /// the moment that its login ends. Once an hour, that the login was used is noted.
    async fn check(cx: &Context, token: String, source: Source) -> Result<Authenticated<Self>> {
        let shown = AccountToken::parse(&token).ok_or(Error::Unauthenticated(Credential::Caller))?;
        let now = cx.clock.now();
        let claims = cx.account_keys.verify(&shown, Purpose::Login, now).await?;
        let claims = claims.ok_or(Error::Unauthenticated(Credential::Caller))?;
        let found = cx.store.account_by_login(&claims).await?;
        let (account, login) = found
            .filter(|(account, login)| login.opens(account, &cx.config.accounts, now))
            .ok_or(Error::Unauthenticated(Credential::Caller))?;
        if login.use_is_due(now) {
            cx.store.login_use(&login, now).await?;
        }
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(Actor::account(&account.account_id)),
                account,
                login,
                sealing: SealingRoot::of_holder(&token),
            },
            credential: token,
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    async fn require(&self, cx: &Context, owner: &OwnerId, role: Role) -> Result<()> {
        let member = cx.store.member_get(owner, &self.account.email).await?;
        let may = member.is_some_and(|member| member.role.includes(role));
        may.then_some(()).ok_or(Error::Forbidden(Restriction::Role))
    }
}
