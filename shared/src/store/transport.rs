//! How requests reach AWS.

use std::time::Duration;

use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpConnector};

use crate::{Error, Result};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// An HTTP client over [`aws_connector`].
///
/// # Errors
/// As for [`aws_connector`].
pub fn aws_client() -> Result<SharedHttpClient> {
    aws_connector().map(client_over)
}

/// What sends requests, for who signs them without the SDK. It trusts the authorities of AWS's endpoints and no others, with
/// TLS by rustls over ring. It speaks plain HTTP as well, to an emulator on this machine.
///
/// # Errors
/// [`Error::Internal`] when the certificates that are built in can't be read.
pub fn aws_connector() -> Result<SharedHttpConnector> {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trusted()?)
        .build();
    Ok(SharedHttpConnector::new(connector))
}

/// The SDK's client over a connector that others may use as well.
pub fn client_over(connector: SharedHttpConnector) -> SharedHttpClient {
    SharedHttpClient::new(One(connector))
}

/// One connector, whatever the timeouts: the SDK's own client makes one to see that it can, and one for each set of
/// timeouts, and each reads the certificates anew, which is a tenth of a cold start.
#[derive(Debug)]
struct One(SharedHttpConnector);

impl HttpClient for One {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

fn trusted() -> Result<TlsContext> {
    const ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/aws-roots.pem"));
    TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(ROOTS))
        .build()
        .map_err(Error::internal)
}
