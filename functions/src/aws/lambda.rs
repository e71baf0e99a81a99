//! Runs a function in Lambda.

use std::{net::IpAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::Response;
use keystead_core::{
    clock::Clock,
    config::{AwsEnvironment, Config, variable},
    request::{client_address::ClientAddress, id::RequestId},
    signing::secrets::SecretName,
    store::{Connection, Store},
};
use lambda_http::{Body, Error, RequestExt, request::RequestContext, service_fn};
use serde_json::{Map, Value};

use crate::{
    aws::{call, secrets_manager::SecretsManager, transport},
    frame::{
        body::RequestBody,
        context::Context,
        function::Function,
        log::Log,
        mail::Mailer,
        request::Incoming,
        router::Router,
        secrets::{KnownSecrets, ReadSecret},
    },
};

/// Serves a function's routes until Lambda ends the process.
///
/// Of no type that the binary has to know, so that it is compiled once, with the library, and not for each binary.
///
/// # Errors
/// When the environment lacks what Lambda sets, the secrets can't be read, or it is not said whom mail is from.
pub fn serve(function: &'static Function) -> Pin<Box<dyn Future<Output = Result<(), Error>>>> {
    Box::pin(async move {
        let cx = Arc::new(start(function).await?);
        let router = Arc::new(Router::new(function.routes)?);
        lambda_http::run(service_fn(move |request: lambda_http::Request| {
            let (cx, router) = (Arc::clone(&cx), Arc::clone(&router));
            async move {
                let (parts, body) = router.answer(&cx, &incoming(&router, request)).await.into_parts();
                let text = String::from_utf8(body.into()).map_err(|_| "a reply is not UTF-8")?;
                Ok::<_, Error>(Response::from_parts(parts, Body::from(text)))
            }
        }))
        .await
    })
}

/// Everything that every first request would wait for otherwise: the secrets are read, and the connection to DynamoDB is
/// opened, which at the smallest memory would take most of it (docs/adr/0027-what-a-start-does.md).
async fn start(function: &Function) -> Result<Context, Error> {
    Log::stdout().install();
    let environment = AwsEnvironment::from_env().map_err(|name| format!("Lambda did not set {name}"))?;
    let config = Config::from_env()?;
    config.check()?;
    let connector = transport::aws_connector()?;
    let mailer = match function.open_mailer {
        Some(open) => open(connector.clone(), &environment, &config),
        None => Mailer::Nowhere,
    };
    let store = Store::new(
        Connection {
            http: transport::client_over(connector.clone()),
            region: environment.region.clone(),
            credentials: Some(call::credentials(&environment)),
            endpoint: environment.dynamodb_endpoint.clone(),
            attempt_timeout: Some(Connection::ATTEMPT_TIMEOUT),
            retries: true,
            product_ttl: Connection::PRODUCT_TTL,
            measure_capacity: false,
        },
        &config.table_prefix,
    );
    let read = read_secret(SecretsManager::over(connector.clone(), &environment, Clock::system()));
    let names = function.secrets();
    let open_connection = async {
        if !function.calls_dynamodb() {
            return Ok(());
        }
        let dynamodb = environment.dynamodb_endpoint.clone();
        let dynamodb = dynamodb.unwrap_or_else(|| transport::endpoint("dynamodb", &environment.region));
        transport::open(&connector, &dynamodb).await
    };
    let (secrets, opened) = tokio::join!(KnownSecrets::read(&names, &read), open_connection);
    if let Err(error) = opened {
        // The first request will try again; a function that does not start can't even say so.
        tracing::warn!(cause = ?error, "DynamoDB could not be reached during INIT");
    }
    Ok(Context {
        mailer,
        ..Context::knowing(store, secrets?, config)
    })
}

/// Reads a secret's document where the environment says that it is.
fn read_secret(manager: SecretsManager) -> ReadSecret {
    let manager = Arc::new(manager);
    Arc::new(move |name| {
        let manager = Arc::clone(&manager);
        Box::pin(async move {
            // The documents themselves, for a machine without Secrets Manager (`sam local invoke`).
            if let Some(documents) = variable("KEYSTEAD_SECRETS") {
                let documents: Map<String, Value> =
                    serde_json::from_str(&documents).map_err(keystead_core::Error::internal)?;
                let document = documents.get(name.as_str());
                let missing = || keystead_core::Error::internal(format!("KEYSTEAD_SECRETS has no {name}"));
                return document.map(Value::to_string).ok_or_else(missing);
            }
            let of = match name {
                SecretName::Root => return Err(keystead_core::Error::internal("no function reads the root key")),
                SecretName::Signing => "KEYSTEAD_SIGNING_SECRET_ARN",
                SecretName::Credentials => "KEYSTEAD_CREDENTIALS_SECRET_ARN",
                SecretName::Accounts => "KEYSTEAD_ACCOUNTS_SECRET_ARN",
            };
            let arn = variable(of).ok_or_else(|| keystead_core::Error::internal(format!("{of} is not set")))?;
            let read = manager.read(&arn).await.map_err(keystead_core::Error::internal)?;
            Ok(read.text)
        })
    })
}

/// Lambda hands over the whole body, also to an endpoint that reads it piece by piece.
fn incoming(router: &Router, request: lambda_http::Request) -> Incoming {
    // API Gateway and function URLs alike tell whose connection it was, and have an id for the request, which the access log
    // has as well; no client can say otherwise.
    let (peer, id) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => (
            context.http.source_ip.as_deref().and_then(|ip| ip.parse().ok()),
            context.request_id.as_deref().and_then(RequestId::parse),
        ),
        Some(_) | None => (None, None),
    };
    let of_invocation = || RequestId::parse(&request.lambda_context_ref()?.request_id);
    let id = id.or_else(of_invocation);
    let peer = peer.map_or(ClientAddress::UNKNOWN, |ip: IpAddr| ip.into());
    let (parts, body) = request.into_parts();
    let body = match body {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        Body::Empty | _ => Bytes::new(),
    };
    let body = RequestBody::of(body, router.body_mode(&parts.method, parts.uri.path()));
    Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
        peer,
        id,
    }
}
