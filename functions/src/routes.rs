//! Every route, and how a request finds its own.

use std::{collections::HashMap, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use keystead_core::store::meter::{Usage, metered};
use serde_json::json;

use crate::{
    accounts, docs, flat,
    frame::{
        context::Context,
        endpoint::{Cache, Route},
        log::Line,
        pipeline::Answer,
        reply::JSON,
        request::Incoming,
    },
    license_keys,
};

/// Every route, in the order of the contracts. The local server, the template, the contract tests and the documentation
/// are held against this list.
pub fn all() -> Vec<Route> {
    vec![
        Route::of::<flat::activation::Activate>(),
        Route::of::<flat::activation::Validate>(),
        Route::of::<flat::license::Verify>(),
        Route::of::<flat::activation::Deactivate>(),
        Route::of::<flat::activation::Heartbeat>(),
        Route::of::<flat::activation::ListMachines>(),
        Route::of::<flat::activation::MoveLicense>(),
        Route::of::<flat::signing_key::GetSigningKey>(),
        Route::of::<flat::signing_key::Jwks>(),
        Route::of::<flat::license::CreateLicense>(),
        Route::of::<flat::license::GetLicense>(),
        Route::of::<flat::license::ListLicenses>(),
        Route::of::<flat::license::UpdateLicense>(),
        Route::of::<flat::license::RevokeLicense>(),
        Route::of::<flat::license::ReinstateLicense>(),
        Route::of::<flat::license::ResolveLicense>(),
        Route::of::<flat::license::ResetActivations>(),
        Route::of::<flat::product::CreateProduct>(),
        Route::of::<flat::product::ListProducts>(),
        Route::of::<flat::product::UpdateProduct>(),
        Route::of::<flat::variant::CreateVariant>(),
        Route::of::<flat::variant::ListVariants>(),
        Route::of::<flat::variant::UpdateVariant>(),
        Route::of::<flat::code::CreateDiscountCode>(),
        Route::of::<flat::code::ListDiscountCodes>(),
        Route::of::<flat::code::UpdateDiscountCode>(),
        Route::of::<flat::code::DeleteDiscountCode>(),
        Route::of::<flat::code::CreateTrialCode>(),
        Route::of::<flat::code::ListTrialCodes>(),
        Route::of::<flat::code::UpdateTrialCode>(),
        Route::of::<flat::code::DeleteTrialCode>(),
        Route::of::<flat::code::RedeemTrialCode>(),
        Route::of::<flat::api_key::CreateApiKey>(),
        Route::of::<flat::api_key::ListApiKeys>(),
        Route::of::<flat::api_key::RevokeApiKey>(),
        Route::of::<flat::member::AddMember>(),
        Route::of::<flat::member::RemoveMember>(),
        Route::of::<flat::webhook::CgloungeWebhook>(),
        Route::of::<flat::webhook::StripeWebhook>(),
        Route::of::<flat::health::Health>(),
        Route::of::<docs::OpenapiJson>(),
        Route::of::<docs::Docs>(),
        Route::of::<license_keys::LicenseKeysValidate>(),
        Route::of::<license_keys::LicenseKeysShuffle>(),
        Route::of::<license_keys::LicenseKeysReset>(),
        Route::of::<license_keys::LicenseKeysEvents>(),
        Route::of::<accounts::AuthRegister>(),
        Route::of::<accounts::AuthLogin>(),
        Route::of::<accounts::AuthVerify>(),
        Route::of::<accounts::AuthLogout>(),
        Route::of::<accounts::AuthMe>(),
        Route::of::<accounts::AuthForgotPassword>(),
        Route::of::<accounts::AuthResetPassword>(),
    ]
}

/// Finds the route of a request, and answers it.
pub struct Router {
    paths: matchit::Router<HashMap<&'static str, Route>>,
}

impl Router {
    /// A router over `routes`.
    ///
    /// # Errors
    /// When two routes' paths can't be told apart.
    pub fn new(routes: &[Route]) -> Result<Self, matchit::InsertError> {
        let mut by_path: HashMap<&'static str, HashMap<&'static str, Route>> = HashMap::new();
        for route in routes {
            by_path
                .entry(route.path())
                .or_default()
                .extend(route.methods().map(|method| (method, *route)));
        }
        let mut paths = matchit::Router::new();
        for (path, methods) in by_path {
            paths.insert(path, methods)?;
        }
        Ok(Self { paths })
    }

    /// Answers a request: with its endpoint's reply, or why there is none. Leaves a line in the log.
    pub async fn answer(&self, cx: &Context, incoming: &Incoming) -> Response<Bytes> {
        let came = cx.clock.now();
        let began = Instant::now();
        let found = self.paths.at(&incoming.path).ok();
        let methods = found.as_ref().map(|found| found.value);
        let parameters = found.iter().flat_map(|found| found.params.iter());
        // As they are: an id has nothing that a path would encode.
        let parameters = parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if methods.is_some() && incoming.method == Method::OPTIONS {
            return preflight();
        }
        let route = methods.and_then(|methods| methods.get(incoming.method.as_str()));
        let (answer, usage) = match (methods, route) {
            (_, Some(route)) => cx.log.scope(metered(route.handle(cx, incoming, parameters))).await,
            (Some(_), None) => (
                plain(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
                Usage::default(),
            ),
            (None, None) => (plain(StatusCode::NOT_FOUND, "Not found"), Usage::default()),
        };
        let request_id = cx.ids.uuid_v7(came).map(|id| id.to_string()).unwrap_or_default();
        cx.log.write(&Line {
            time: came,
            request_id: request_id.clone(),
            route: methods.and_then(|m| m.values().next()).map_or("-", Route::path),
            method: route.map_or("-", |route| {
                route
                    .methods()
                    .find(|method| *method == incoming.method.as_str())
                    .unwrap_or("-")
            }),
            status: answer.status.as_u16(),
            millis: began.elapsed().as_secs_f64() * 1000.0,
            dynamodb_calls: usage.calls,
            code: answer.code,
            cause: answer.cause.clone(),
        });
        let mut response = respond(answer, &request_id);
        // For whoever embeds the router: tests hold it against the budgets.
        response.extensions_mut().insert(usage);
        if let (Some(methods), None) = (methods, route) {
            let mut allowed: Vec<&str> = methods.keys().copied().collect();
            allowed.sort_unstable();
            if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
        }
        response
    }
}

/// What a request gets that no endpoint answers.
fn plain(status: StatusCode, error: &str) -> Answer {
    Answer {
        status,
        content_type: JSON,
        body: json!({ "success": false, "error": error }).to_string().into_bytes(),
        cache: Cache::Never,
        retry_after: None,
        cookie: None,
        replayed: false,
        code: None,
        cause: None,
    }
}

/// The answer to a browser that asks what it may send.
fn preflight() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, OPTIONS"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Content-Type, X-API-Key, x-webhook-secret, Authorization, Idempotency-Key"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

fn respond(answer: Answer, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Retry-After, x-request-id, Idempotency-Replayed"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let cache = match answer.cache {
        Cache::Never => "no-store",
        Cache::FiveMinutes => "public, max-age=300",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(cookie) = answer.cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    if answer.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    response
}
