//! Devices that are known again, so that strangers who guess at a password never keep out its holder.

use keystead_core::{
    Result, Timestamp,
    account::device::{Device, DeviceToken},
    value::email::Email,
};

use crate::frame::context::Context;

/// Remembers a device of an account's holder, and answers by what it is known from now on.
pub(crate) async fn remember(cx: &Context, email: &Email, now: Timestamp) -> Result<DeviceToken> {
    let life = cx.config.accounts.device_life;
    let (token, device) = Device::new(&cx.ids, email, now + life)?;
    cx.store.device_create(&device).await?;
    Ok(token)
}
