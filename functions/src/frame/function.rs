//! Functions: what one Lambda binary serves.

use keystead_core::signing::secrets::SecretName;

use crate::frame::{endpoint::Endpoint, mail::OpenMailer, route::Route};

/// What one Lambda binary serves: a route, or a family of them.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name, which is that of its binary and, in the template, of its resource.
    pub name: &'static str,
    /// Its routes.
    pub routes: &'static [Route],
    /// How it comes by what delivers its mail, if it sends any. Others hold none of the code that takes.
    pub open_mailer: Option<OpenMailer>,
}

/// An API: a document of its own, in the folder of the documentation.
#[derive(Clone, Copy)]
pub struct Api {
    /// Its name, which is that of its document: `flat`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Its functions, in the order of its contract.
    pub functions: &'static [&'static [&'static Function]],
}

impl Api {
    /// Its functions, in the order of its contract.
    pub fn functions(self) -> impl Iterator<Item = &'static Function> {
        self.functions.iter().copied().flatten().copied()
    }

    /// Its routes, in the order of its contract.
    pub fn routes(self) -> Vec<Route> {
        self.functions().flat_map(|function| function.routes).copied().collect()
    }
}

impl Function {
    /// A function of one endpoint.
    pub const fn of<E: Endpoint>() -> Self {
        Self {
            name: E::NAME,
            routes: const { &[Route::of::<E>()] },
            open_mailer: None,
        }
    }

    /// This function, with what delivers its mail.
    pub const fn mailing(self, open_mailer: OpenMailer) -> Self {
        Self {
            open_mailer: Some(open_mailer),
            ..self
        }
    }

    /// The secrets that it may read, and reads before its first request, in the order of [`SecretName::ALL`].
    pub fn secrets(&self) -> Vec<SecretName> {
        let needed = |name: &SecretName| {
            let mut all = self.routes.iter().flat_map(|route| route.secrets);
            all.any(|secrets| secrets.contains(name))
        };
        SecretName::ALL.iter().copied().filter(needed).collect()
    }

    /// Whether it calls DynamoDB, and so opens a connection before its first request.
    pub fn calls_dynamodb(&self) -> bool {
        self.routes.iter().any(|route| route.calls_dynamodb)
    }
}

/// Declares the functions of an API, each of one endpoint, and `FUNCTIONS`, the list of them.
macro_rules! functions {
    ($($name:ident = $endpoint:path $(, $with:ident($argument:path))?;)*) => {
        $(
            #[doc = concat!("The function of [`", stringify!($endpoint), "`].")]
            pub const $name: $crate::frame::function::Function =
                $crate::frame::function::Function::of::<$endpoint>()$(.$with($argument))?;
        )*

        /// Every function, in the order of the contract.
        pub const FUNCTIONS: &[&$crate::frame::function::Function] = &[$(&$name,)*];
    };
}

/// Declares the functions of an API, each of a family of endpoints, and `FUNCTIONS`, the list of them.
macro_rules! families {
    ($($name:ident $text:literal = [$($endpoint:path),* $(,)?] $(, $with:ident($argument:path))?;)*) => {
        $(
            #[doc = concat!("The function `", $text, "`.")]
            pub const $name: $crate::frame::function::Function = $crate::frame::function::Function {
                name: $text,
                routes: &[$($crate::frame::route::Route::of::<$endpoint>(),)*],
                open_mailer: None,
            }$(.$with($argument))?;
        )*

        /// Every function, in the order of the contract.
        pub const FUNCTIONS: &[&$crate::frame::function::Function] = &[$(&$name,)*];
    };
}

pub(crate) use {families, functions};
