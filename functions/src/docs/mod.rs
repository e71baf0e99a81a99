//! The documentation that the service serves: for machines, and for people.

mod document;
mod face;
mod page;

pub use document::{OpenapiAccounts, OpenapiFlat, OpenapiJson, OpenapiLicenseKeys, OpenapiV1};
pub use page::Docs;

use crate::frame::{endpoint::Endpoint, function::Function, route::Route};

/// The function of the OpenAPI documents.
pub const OPENAPI_JSON: Function = Function {
    name: OpenapiJson::NAME,
    routes: &[
        Route::of::<OpenapiJson>(),
        Route::of::<OpenapiFlat>(),
        Route::of::<OpenapiLicenseKeys>(),
        Route::of::<OpenapiAccounts>(),
        Route::of::<OpenapiV1>(),
    ],
    open_mailer: None,
};

/// The function of [`Docs`].
pub const DOCS: Function = Function::of::<Docs>();

/// Every function.
pub const FUNCTIONS: &[&Function] = &[&OPENAPI_JSON, &DOCS];
