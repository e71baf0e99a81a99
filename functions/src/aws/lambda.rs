//! Runs a function in Lambda.

use std::{net::IpAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::Response;
use keystead_core::{
    clock::Clock,
    config::{AwsEnvironment, Config, variable},
    request::client_address::ClientAddress,
    signing::secrets::Secrets,
    store::{Connection, Store},
};
use lambda_http::{Body, Error, RequestExt, request::RequestContext, service_fn};

use crate::{
    aws::{call, secrets_manager::SecretsManager, transport},
    frame::{
        context::Context,
        function::Function,
        log::Log,
        mail::Mailer,
        request::{BODY_LIMIT, Incoming},
        router::Router,
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
                let (parts, body) = router.answer(&cx, &incoming(request)).await.into_parts();
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
        Some(open) => open(connector.clone(), &environment, &config)?,
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
    let manager = SecretsManager::over(connector.clone(), &environment, Clock::system());
    let open_connection = async {
        if !function.calls_dynamodb() {
            return Ok(());
        }
        let dynamodb = environment.dynamodb_endpoint.clone();
        let dynamodb = dynamodb.unwrap_or_else(|| transport::endpoint("dynamodb", &environment.region));
        transport::open(&connector, &dynamodb).await
    };
    let fetch_secrets = async {
        // The document itself, for a machine without Secrets Manager (`sam local invoke`).
        if let Some(document) = variable("KEYSTEAD_SECRETS") {
            return Ok::<_, Error>(document);
        }
        let arn = variable("KEYSTEAD_SECRET_ARN").ok_or("KEYSTEAD_SECRET_ARN is not set")?;
        Ok(manager.read(&arn).await?.text)
    };
    let (secrets, opened) = tokio::join!(fetch_secrets, open_connection);
    if let Err(error) = opened {
        // The first request will try again; a function that does not start can't even say so.
        tracing::warn!(cause = ?error, "DynamoDB could not be reached during INIT");
    }
    let secrets: Secrets = serde_json::from_str(&secrets?)?;
    Ok(Context {
        mailer,
        ..Context::new(store, &secrets, config)?
    })
}

fn incoming(request: lambda_http::Request) -> Incoming {
    // API Gateway and function URLs alike tell whose connection it was; no client can say otherwise.
    let peer = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref().and_then(|ip| ip.parse().ok()),
        Some(_) | None => None,
    };
    let peer = peer.map_or(ClientAddress::UNKNOWN, |ip: IpAddr| ip.into());
    let (parts, body) = request.into_parts();
    let body = match body {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        Body::Empty | _ => Bytes::new(),
    };
    Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: (body.len() <= BODY_LIMIT).then_some(body),
        peer,
    }
}
