//! Picks the authorities that AWS's endpoints chain to out of Mozilla's list, and writes them as constants.
//!
//! Reading certificates takes a part of every cold start, a whole list of them 4 ms, and a function talks to nobody but
//! AWS.

use std::{env, fmt::Write as _, fs, path::Path};

/// How the subjects of AWS's authorities begin (<https://www.amazontrust.com/repository>). Starfield's signed Amazon's
/// first, before the latter was known everywhere.
const AUTHORITIES: [&str; 2] = ["Amazon Root CA", "Starfield Services Root Certificate Authority - G2"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut anchors = String::new();
    for anchor in webpki_roots::TLS_SERVER_ROOTS {
        let subject: &[u8] = &anchor.subject;
        let names = |name: &str| subject.windows(name.len()).any(|part| part == name.as_bytes());
        if AUTHORITIES.into_iter().any(names) {
            assert!(anchor.name_constraints.is_none(), "AWS's authorities may name anything");
            let key: &[u8] = &anchor.subject_public_key_info;
            let _ = writeln!(anchors, "    anchor(&{subject:?}, &{key:?}),");
        }
    }
    assert!(!anchors.is_empty(), "webpki-roots holds none of {AUTHORITIES:?}");
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script its folder in the environment"
    )]
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let path = Path::new(&folder).join("aws-roots.rs");
    fs::write(path, format!("[\n{anchors}]\n")).expect("OUT_DIR can be written to");
}
