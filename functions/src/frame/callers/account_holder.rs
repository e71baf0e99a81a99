//! People and their tools, who show an access token of `/v1`.

use keystead_core::{
    Error, Result,
    account::{Account, login::Login},
    audit::Origin,
    error::{Credential, Noun, Restriction},
    event::Actor,
    owner::{OwnerId, member::Role},
    signing::{account_token::Purpose, sealing::SealingRoot, secrets::SecretName},
};

use super::{Authenticated, Caller, CallerKind, HoldsAccount, Source, signed_in};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// Somebody who is signed in at `/v1`.
#[derive(Clone)]
pub struct AccountHolder {
    /// Their account.
    pub account: Account,
    /// By which login.
    pub login: Login,
    /// What seals for this account alone, whichever token they show.
    pub sealing: SealingRoot,
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl Caller for AccountHolder {
    const KIND: CallerKind = CallerKind::AccountHolder;
    const SECRETS: &'static [SecretName] = &[SecretName::Accounts];
    const IN_BODY: bool = false;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Teams",
        needs: "Takes the access token of somebody who is signed in.",
        with_body: &["accessToken"],
        with_query: &["accessToken"],
        fields: &[],
    };

    /// What may be a token.
    type Shown = String;

    /// In `Authorization` alone: no cookie speaks here, so no page of another site can. An API key that stands there is no
    /// token, and is refused as one that is wrong.
    fn shown(incoming: &Incoming, _: &mut Fields) -> Result<String> {
        let token = incoming.bearer().map(str::to_owned);
        token.ok_or(Error::Unauthenticated(Credential::Caller))
    }

    async fn check(cx: &Context, token: String, source: Source) -> Result<Authenticated<Self>> {
        let (account, login) = signed_in::opened(cx, &token, Purpose::Access, Credential::ExpiredToken).await?;
        // Tokens come and go within the hours for which a request may be sent again and a list read on.
        let credential = cx.account_keys.get()?.sealing.secret_of(account.account_id.as_str())?;
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(Actor::member(&account.account_id)),
                account,
                login,
                sealing: SealingRoot::of_holder(&credential),
            },
            credential,
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Of a team that they are not in, they learn nothing: it is not found.
    async fn require(&self, cx: &Context, owner: &OwnerId, role: Role) -> Result<()> {
        let own = signed_in::role_in(cx, &self.account, owner).await?;
        let own = own.ok_or(Error::NotFound(Noun::Organisation))?;
        own.includes(role)
            .then_some(())
            .ok_or(Error::Forbidden(Restriction::Role))
    }
}

impl HoldsAccount for AccountHolder {
    fn account(&self) -> &Account {
        &self.account
    }
}
