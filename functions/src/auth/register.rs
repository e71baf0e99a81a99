//! `POST /api/auth/register`: make an account.

use keystead_core::{Error, Result, account::Account, email::Email, password::Password};
use serde::Deserialize;

use super::{already_registered, asked_for_mail, verification};
use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Done,
};

/// `POST /api/auth/register`.
pub struct AuthRegister;

/// Who registers.
#[derive(Deserialize)]
pub struct Request {
    email: Email,
    password: Password,
}

/// How often a registration is tried while others change the account.
const ATTEMPTS: u32 = 8;

impl Endpoint for AuthRegister {
    const NAME: &'static str = "auth-register";
    const ROUTE: &'static str = "POST /api/auth/register";
    const AUTH: Auth = Auth::Public;
    const FACE: Face = Face::Auth;
    const REQUIRED: &'static [&'static str] = &["email", "password"];

    type Request = Request;
    type Fetched = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: Caller, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let address = request.email;
        let mut found = asked_for_mail(cx, &caller, &address, now).await?;
        let password = cx.passwords.hash(request.password, cx.ids.salt()?, now).await?;
        for _ in 0..ATTEMPTS {
            let (account, stored) = match &found {
                None => {
                    let account = Account::new(cx.ids.account_id(now)?, address.clone(), password.clone(), now);
                    let created = cx.store.create_account(&account).await?;
                    (account, created)
                }
                Some(verified) if verified.verified_at.is_some() => {
                    cx.mailer.send(already_registered(verified)).await?;
                    return Ok(Done::default());
                }
                // Anybody may have claimed the address. The last one to do so is mailed what verifies their claim, and
                // no other.
                Some(claimed) => {
                    let account = claimed.registered_again(address.clone(), password.clone());
                    let changed = cx.store.change_account(claimed, &account).await?;
                    (account, changed)
                }
            };
            if stored {
                cx.mailer.send(verification(cx, &account, now)?).await?;
                return Ok(Done::default());
            }
            found = cx.store.account(&address).await?;
        }
        Err(Error::internal("an account was changed by others all the time"))
    }
}
