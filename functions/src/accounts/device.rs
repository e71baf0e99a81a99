//! By what a device is known again that an account's holder has signed in with.

use keystead_core::{Result, Timestamp, account::device::DeviceToken, value::email::Email};

use crate::{
    frame::{browser, context::Context},
    sign_in::device::remember,
};

/// Remembers a device of an account's holder. Answers what it is known by: for a browser the cookie, for others the token.
pub(super) async fn known_device(
    cx: &Context,
    email: &Email,
    in_browser: bool,
    now: Timestamp,
) -> Result<(Option<DeviceToken>, Vec<String>)> {
    let token = remember(cx, email, now).await?;
    Ok(if in_browser {
        let life = cx.config.accounts.device_life.as_secs();
        let cookie = browser::set_cookie(browser::DEVICE, token.reveal(), life);
        (None, vec![cookie])
    } else {
        (Some(token), Vec::new())
    })
}
