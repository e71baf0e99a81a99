//! People who are signed in to an account.

use keystead_core::{
    Error, Result,
    account::{Account, login::Login},
    audit::Origin,
    error::{Credential, Noun, Restriction},
    event::Actor,
    owner::{OwnerId, member::Role},
    signing::{
        account_token::{AccountToken, AccountTokenVerdict, Purpose},
        sealing::SealingRoot,
        secrets::SecretName,
    },
};

use super::{Authenticated, Caller, CallerKind, HoldsAccount, Source};
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

    async fn check(cx: &Context, token: String, source: Source) -> Result<Authenticated<Self>> {
        let (account, login) = opened(cx, &token, Purpose::Login, Credential::Caller).await?;
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
        let own = role_in(cx, &self.account, owner).await?;
        let may = own.is_some_and(|own| own.includes(role));
        may.then_some(()).ok_or(Error::Forbidden(Restriction::Role))
    }
}

impl HoldsAccount for SignedIn {
    fn account(&self) -> &Account {
        &self.account
    }
}

/// The account and the login that a token for this purpose opens.
///
/// A forged or expired token costs no call of DynamoDB; a good one is looked up, so that it is good for nothing from
/// the moment that its login ends. Once an hour, that the login was used is noted.
///
/// # Errors
/// [`Credential::Caller`]; `expired`, of a token that has expired.
pub(super) async fn opened(
    cx: &Context,
    token: &str,
    purpose: Purpose,
    expired: Credential,
) -> Result<(Account, Login)> {
    const REFUSED: Error = Error::Unauthenticated(Credential::Caller);

    let shown = AccountToken::parse(token).ok_or(REFUSED)?;
    let now = cx.clock.now();
    let claims = match cx.account_keys.judge(&shown, purpose, now).await? {
        AccountTokenVerdict::Good(claims) => claims,
        AccountTokenVerdict::Expired => return Err(Error::Unauthenticated(expired)),
        AccountTokenVerdict::Wrong => return Err(REFUSED),
    };
    let found = cx.store.account_by_login(&claims).await?;
    let found = found.filter(|(account, login)| login.opens(account, &cx.config.accounts, now));
    let (account, login) = found.ok_or(REFUSED)?;
    if login.use_is_due(now) {
        cx.store.login_use(&login, now).await?;
    }
    Ok((account, login))
}

/// The role that the holder of an account has in the team of an owner, if they are in it: the one read of memberships.
pub(super) async fn role_in(cx: &Context, account: &Account, owner: &OwnerId) -> Result<Option<Role>> {
    match cx.store.membership_get(owner, account).await {
        Ok(membership) => Ok(Some(membership.member.role)),
        Err(Error::NotFound(Noun::Organisation)) => Ok(None),
        Err(error) => Err(error),
    }
}
