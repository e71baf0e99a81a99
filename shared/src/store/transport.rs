//! How requests reach AWS.

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::{
    Builder,
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
    const ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/aws-roots.pem"));
    let trusted = TrustStore::empty().with_pem_certificate(ROOTS);
    let tls = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(Error::internal)?;
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https())
}
