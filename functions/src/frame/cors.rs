//! Cross-origin requests: which pages may ask, and read what they are answered, as each API says.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use keystead_core::config::Config;

use crate::frame::{browser, face::Readers, request::Incoming};

/// Lets the pages read a reply that may, with the headers that tell something.
pub(crate) fn expose(headers: &mut HeaderMap, readers: Readers, incoming: &Incoming, config: &Config) {
    if allow(headers, readers, incoming, config) {
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("Retry-After, x-request-id, Idempotency-Replayed, X-Next-Cursor"),
        );
    }
}

/// The answer to a browser that asks what it may send.
pub(crate) fn preflight(readers: Readers, incoming: &Incoming, config: &Config) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if allow(headers, readers, incoming, config) {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Content-Type, X-API-Key, x-webhook-secret, Authorization, Idempotency-Key"),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

/// Says whose pages may read the answer; answers whether there are any.
fn allow(headers: &mut HeaderMap, readers: Readers, incoming: &Incoming, config: &Config) -> bool {
    let origin = match readers {
        Readers::Everyone => Some(HeaderValue::from_static("*")),
        Readers::Listed => {
            // Another origin is answered otherwise.
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            let listed = browser::origin(incoming).filter(|origin| browser::is_listed(origin, config));
            listed.and_then(|origin| HeaderValue::from_str(origin).ok())
        }
    };
    let Some(origin) = origin else { return false };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if readers == Readers::Listed {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    true
}
