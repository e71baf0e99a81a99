//! Every API, every function and every route.

use crate::{
    accounts, docs, flat,
    frame::{
        function::{Api, Function},
        route::Route,
    },
    license_keys, v1,
};

/// Every API. Each has an OpenAPI document.
pub const APIS: [Api; 4] = [
    Api {
        name: "flat",
        title: "Flat API",
        summary: "For client applications, and for the scripts and tools of vendors.",
        functions: &[flat::FUNCTIONS, docs::FUNCTIONS],
    },
    Api {
        name: "license-keys",
        title: "License-keys API",
        summary: "For software that is sold through a store.",
        functions: &[license_keys::FUNCTIONS],
    },
    Api {
        name: "accounts",
        title: "Accounts API",
        summary: "For people who sign in, to look after what they bought or what they sell.",
        functions: &[accounts::FUNCTIONS],
    },
    Api {
        name: "v1",
        title: "Dashboard API",
        summary: "For teams that manage what they sell, and for their back ends.",
        functions: &[v1::FUNCTIONS],
    },
];

/// Every function, in the order of the contracts. The template and the binaries are held against this list.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    APIS.into_iter().flat_map(Api::functions)
}

/// Every route, in the order of the contracts. The local server, the contract tests and the documentation are held against
/// this list.
pub fn all() -> Vec<Route> {
    functions().flat_map(|function| function.routes).copied().collect()
}

/// The function that serves a route with this operation's name.
pub fn function_of(operation: &str) -> Option<&'static Function> {
    functions().find(|function| function.routes.iter().any(|route| route.name == operation))
}
