//! Browsers: what they send without their user's doing, and which cookies speak for whom.
//!
//! A browser sends its cookies with whatever any page asks it to. So a request that they speak for, or that sets them,
//! counts only if a page sent it that may: [`guard`]. Other clients send a token, which no page has.

use http::{Method, header};
use keystead_core::{
    Error, InvalidRequest, Result,
    account::secret::Secret,
    config::{Config, origin_of},
    error::Restriction,
};

use crate::frame::request::Incoming;

/// The cookie that holds a browser's session. By its prefix, a browser takes it from this host alone, over TLS (or on
/// localhost), and for all paths: no sibling domain can plant one.
pub const SESSION: &str = "__Host-session";

/// The cookie in which other clients may show the same token. It counts in no request of a browser, where a sibling domain
/// could have planted it.
pub const TOOL_SESSION: &str = "session";

/// The cookie by which a browser is known again that has signed in before.
pub const DEVICE: &str = "__Host-device";

/// The header that sets a cookie for so many seconds. Scripts in a page don't see it, and it is sent to this host, over
/// TLS, from pages of this site alone.
pub(crate) fn set_cookie(name: &str, value: &str, seconds: u64) -> String {
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict")
}

/// Whether a browser sent the request. Each sends `Origin` with a POST, and those of today say with every request over TLS
/// where it comes from; neither header can be kept back or made up by a page.
pub(crate) fn is_browser(incoming: &Incoming) -> bool {
    let said = [
        incoming.header("origin"),
        incoming.header("sec-fetch-site"),
        incoming.header("sec-fetch-mode"),
    ];
    said.iter().any(Option::is_some)
}

/// The origin of the page that sent the request, if the browser says one: not when it says several, or `null`.
pub(crate) fn origin(incoming: &Incoming) -> Option<&str> {
    let mut said = incoming.headers.get_all(header::ORIGIN).iter();
    let origin = said.next()?.to_str().ok()?;
    (said.next().is_none() && origin != "null").then_some(origin)
}

/// Whether pages of this origin may use accounts: those that the operator lists, and that of the page for which mail is.
pub(crate) fn is_listed(origin: &str, config: &Config) -> bool {
    let page = config.accounts.page.as_deref().and_then(origin_of);
    config
        .accounts
        .origins
        .iter()
        .chain(&page)
        .any(|listed| listed == origin)
}

/// Whether the request has a cookie that may speak for its sender.
pub(crate) fn shows_session(incoming: &Incoming) -> bool {
    [SESSION, TOOL_SESSION]
        .iter()
        .any(|name| incoming.cookies(name).next().is_some())
}

/// The session token in the request's cookies. Of two none counts: one of them is somebody else's.
pub(crate) fn session(incoming: &Incoming) -> Option<&str> {
    let mut shown = incoming.cookies(SESSION);
    let (first, second) = (shown.next(), shown.next());
    if is_browser(incoming) {
        return first.filter(|_| second.is_none());
    }
    let mut others = incoming.cookies(TOOL_SESSION);
    match (first, second, others.next(), others.next()) {
        (Some(only), None, None, _) | (None, _, Some(only), None) => Some(only),
        _ => None,
    }
}

/// By what a browser is known again that has signed in before.
pub(crate) fn device(incoming: &Incoming) -> Option<Secret> {
    let mut shown = incoming.cookies(DEVICE);
    let (first, second) = (shown.next(), shown.next());
    first.filter(|_| second.is_none()).and_then(Secret::parse)
}

/// Refuses a request that a page may have made which has no business with accounts (CSRF). To be asked of each request
/// that a cookie speaks for, or that sets one.
///
/// **Invariant**: no GET changes anything, so they pass.
///
/// # Errors
/// [`InvalidRequest::ContentType`], [`Restriction::ForeignOrigin`].
pub(crate) fn guard(incoming: &Incoming, config: &Config) -> Result<()> {
    if incoming.method == Method::GET {
        return Ok(());
    }
    // What is not JSON a page of any site can send without asking the service first.
    let content_type = incoming.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Error::Invalid(InvalidRequest::ContentType));
    }
    let is_allowed = match origin(incoming) {
        Some(origin) => is_same_origin(incoming) || is_listed(origin, config),
        None if incoming.headers.contains_key(header::ORIGIN) => false,
        // No browser: it has no page that could mean its user ill. The cookie of a browser, though, has to come from one.
        None => is_same_origin(incoming) || !(is_browser(incoming) || incoming.cookies(SESSION).next().is_some()),
    };
    is_allowed
        .then_some(())
        .ok_or(Error::Forbidden(Restriction::ForeignOrigin))
}

/// Whether the browser says that a page of the service itself sent the request.
fn is_same_origin(incoming: &Incoming) -> bool {
    incoming.header("sec-fetch-site") == Some("same-origin")
}
