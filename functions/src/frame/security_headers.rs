//! What every reply tells browsers, whoever answers: this service has no page that others may frame, and is asked over TLS.

use http::{HeaderMap, HeaderValue, header};

/// The headers. Over plain HTTP, as on a machine of one's own, a browser passes over the first.
const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    // For browsers that don't know the policy above.
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds the headers to a reply's.
pub fn add(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
