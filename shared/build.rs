//! Picks the certificates of the authorities that AWS's endpoints chain to out of Mozilla's list.
//!
//! Loading a whole list of authorities takes 4 ms of every cold start, and a function talks to nobody but AWS.

use std::{env, fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// How the subjects of AWS's authorities begin (<https://www.amazontrust.com/repository>). Starfield's signed Amazon's
/// first, before the latter was known everywhere.
const AUTHORITIES: [&str; 2] = ["Amazon Root CA", "Starfield Services Root Certificate Authority - G2"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let names = |name: &str| certificate.windows(name.len()).any(|part| part == name.as_bytes());
        if AUTHORITIES.into_iter().any(names) {
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in BASE64_STANDARD.encode(certificate).as_bytes().chunks(64) {
                pem.push_str(&String::from_utf8_lossy(line));
                pem.push('\n');
            }
            pem.push_str("-----END CERTIFICATE-----\n");
        }
    }
    assert!(!pem.is_empty(), "webpki-root-certs holds none of {AUTHORITIES:?}");
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script its folder in the environment"
    )]
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join("aws-roots.pem"), pem).expect("OUT_DIR can be written to");
}
