//! `GET /v1/dashboard/me`: who is signed in.

use keystead_core::Result;

use super::view::{NoRequest, OneUser};
use crate::{
    frame::{context::Context, endpoint::Endpoint},
    v1::{face::V1, person::Person},
};

/// `GET /v1/dashboard/me`.
pub struct V1Me;

impl Endpoint for V1Me {
    const NAME: &'static str = "v1-me";
    const ROUTE: &'static str = "GET /v1/dashboard/me";
    const SUMMARY: &'static str = "Tell who is signed in.";

    type Face = V1;
    type Caller = Person;
    type Request = NoRequest;
    type Subject = ();
    type Reply = OneUser;

    async fn call(_: &Context, caller: Person, _: NoRequest, (): ()) -> Result<OneUser> {
        Ok(OneUser::from(caller.account))
    }
}
