//! How requests reach AWS.

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::{
    Builder, Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use crate::{Error, Result};

/// An HTTP client that trusts the authorities of AWS's endpoints and no others, with TLS by rustls over ring.
///
/// It speaks plain HTTP as well, to an emulator on this machine.
///
/// # Errors
/// [`Error::Internal`] when the certificates that are built in can't be read.
pub fn aws_client() -> Result<SharedHttpClient> {
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trusted()?)
        .build_https())
}

/// As [`aws_client`], for who signs and sends requests without the SDK.
///
/// # Errors
/// As for [`aws_client`].
pub fn aws_connector() -> Result<Connector> {
    Ok(Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trusted()?)
        .build())
}

fn trusted() -> Result<TlsContext> {
    const ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/aws-roots.pem"));
    TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(ROOTS))
        .build()
        .map_err(Error::internal)
}
