//! How requests reach AWS.

use std::{error::Error as StdError, iter::successors, sync::Arc, time::Duration};

use aws_smithy_runtime_api::client::{
    connection::{CaptureSmithyConnection, ConnectionMetadata},
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use http::Extensions;
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self, Client,
        connect::{CaptureConnection, HttpConnector as TcpConnector, HttpInfo, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{Der, TrustAnchor},
};

use keystead_core::{Error, Result, store::Connection};

/// How long a connection may take to open, TLS aside: who calls says how long all of it may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The authorities that AWS's endpoints chain to: `build.rs` picks them.
const AUTHORITIES: &[TrustAnchor<'static>] = &include!(concat!(env!("OUT_DIR"), "/aws-roots.rs"));

const fn anchor(subject: &'static [u8], key: &'static [u8]) -> TrustAnchor<'static> {
    TrustAnchor {
        subject: Der::from_slice(subject),
        subject_public_key_info: Der::from_slice(key),
        name_constraints: None,
    }
}

/// An HTTP client over [`aws_connector`].
pub fn aws_client() -> Result<SharedHttpClient> {
    aws_connector().map(client_over)
}

/// What sends requests, for who signs them without the SDK. It trusts the authorities of AWS's endpoints and no others, with
/// TLS by rustls over ring. It speaks plain HTTP as well, to an emulator.
pub fn aws_connector() -> Result<SharedHttpConnector> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(RootCertStore {
            roots: AUTHORITIES.to_vec(),
        })
        .with_no_client_auth();
    let mut tcp = TcpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(https);
    Ok(SharedHttpConnector::new(Http1(client)))
}

/// The SDK's client over a connector that others may use as well.
pub fn client_over(connector: SharedHttpConnector) -> SharedHttpClient {
    SharedHttpClient::new(One(connector))
}

/// Where a service of AWS is in a region.
pub fn endpoint(service: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://{service}.{region}.{suffix}/")
}

/// Opens a connection to DynamoDB at `endpoint`, for the first request to find: docs/adr/0027-what-a-start-does.md.
pub async fn open(connector: &SharedHttpConnector, endpoint: &str) -> Result<()> {
    // DynamoDB tells anybody that it is well, and keeps the connection.
    let request = HttpRequest::get(endpoint).map_err(Error::internal)?;
    let answered = async {
        let reply = connector.call(request).await.map_err(Error::internal)?;
        // Until all of it was read, the connection is not free.
        reply.into_body().collect().await.map(drop).map_err(Error::internal)
    };
    tokio::time::timeout(Connection::ATTEMPT_TIMEOUT, answered)
        .await
        .map_err(Error::internal)?
}

/// One connector, whatever the timeouts: the SDK would have one for each set of them, with connections of its own.
#[derive(Debug)]
struct One(SharedHttpConnector);

impl HttpClient for One {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

/// hyper's client as the SDK wants it: docs/adr/0026-http1-only.md.
#[derive(Clone, Debug)]
struct Http1(Client<HttpsConnector<TcpConnector>, SdkBody>);

impl HttpConnector for Http1 {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let used = capture_connection(&mut request);
        if let Some(asked) = request.extensions().get::<CaptureSmithyConnection>() {
            asked.set_connection_retriever(move || connection(&used));
        }
        let sent = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let reply = sent.await.map_err(failure)?;
            HttpResponse::try_from(reply.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The connection that a request went over: the SDK closes it for good after a failure that the next request might meet.
fn connection(used: &CaptureConnection) -> Option<ConnectionMetadata> {
    let connected = used.connection_metadata();
    let connected = connected.as_ref()?;
    let mut extensions = Extensions::new();
    connected.get_extras(&mut extensions);
    let mut metadata = ConnectionMetadata::builder().proxied(connected.is_proxied());
    if let Some(ends) = extensions.get::<HttpInfo>() {
        metadata = metadata.remote_addr(ends.remote_addr()).local_addr(ends.local_addr());
    }
    let used = used.clone();
    let poison = move || {
        if let Some(connected) = used.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(metadata.poison_fn(poison).build())
}

/// What failed, in the kinds by which the SDK decides whether to send a request again.
fn failure(error: legacy::Error) -> ConnectorError {
    let first: &(dyn StdError + 'static) = &error;
    let mut causes = successors(Some(first), |&error| error.source());
    let hyper = causes.clone().find_map(|error| error.downcast_ref::<hyper::Error>());
    let is_io = error.is_connect()
        || causes.any(<dyn StdError>::is::<std::io::Error>)
        || hyper.is_some_and(|error| error.is_closed() || error.is_canceled());
    if is_io {
        ConnectorError::io(error.into())
    } else if hyper.is_some_and(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else if hyper.is_some_and(hyper::Error::is_incomplete_message) {
        // The other end closed the connection where an answer was due.
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else {
        ConnectorError::other(error.into(), None)
    }
}
