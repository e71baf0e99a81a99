//! Every function and every route.

use crate::{
    accounts, docs, flat,
    frame::{function::Function, route::Route},
    license_keys,
};

/// Every function, in the order of the contracts. The template and the binaries are held against this list.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    [
        flat::FUNCTIONS,
        docs::FUNCTIONS,
        license_keys::FUNCTIONS,
        accounts::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .copied()
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
