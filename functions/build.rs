//! Makes what the functions hold ready-made: a page, and AWS's authorities.
//!
//! The page at `/docs` is made of Swagger UI, as it comes from crates.io: one file that needs no other,
//! and no network. It is packed, as the OpenAPI documents are, because each would be a fifth of its function.
//!
//! The authorities that AWS's endpoints chain to are picked out of Mozilla's list and written as constants. Reading
//! certificates takes a part of every cold start, a whole list of them 4 ms, and a function talks to nobody but AWS.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::{Cursor, Read},
    path::Path,
};

use miniz_oxide::deflate::compress_to_vec;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The level at which packing takes longest.
const SMALLEST: u8 = 10;

/// The level at which packing takes little time: of what is written anew with every change of an endpoint.
const USUAL: u8 = 6;

/// How the subjects of AWS's authorities begin (<https://www.amazontrust.com/repository>). Starfield's signed Amazon's
/// first, before the latter was known everywhere.
const AUTHORITIES: [&str; 2] = ["Amazon Root CA", "Starfield Services Root Certificate Authority - G2"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/docs/page.html");
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script its folder in the environment"
    )]
    let folder = env::var("OUT_DIR")?;
    let folder = Path::new(&folder);
    let packed = compress_to_vec(page()?.as_bytes(), SMALLEST);
    fs::write(folder.join("docs.html.deflate"), packed)?;
    for api in ["flat", "license-keys", "accounts", "v1"] {
        let document = format!("../docs/openapi/{api}.json");
        println!("cargo::rerun-if-changed={document}");
        let packed = compress_to_vec(&fs::read(&document)?, USUAL);
        fs::write(folder.join(format!("{api}.json.deflate")), packed)?;
    }
    fs::write(folder.join("aws-roots.rs"), authorities()?)?;
    Ok(())
}

fn page() -> Result<String, Box<dyn Error>> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let script = entry(&mut archive, "/dist/swagger-ui-bundle.js")?;
    // The bar in which one chooses a document.
    let bar = entry(&mut archive, "/dist/swagger-ui-standalone-preset.js")?;
    let style = entry(&mut archive, "/dist/swagger-ui.css")?;
    // A browser ends a script at the first of these, even in a text.
    if script.contains("</script") || bar.contains("</script") || style.contains("</style") {
        return Err("Swagger UI can't be put into a page as it is".into());
    }
    let page = fs::read_to_string("src/docs/page.html")?;
    Ok(page
        .replace("/* style */", &style)
        .replace("/* script */", &format!("{script}\n{bar}")))
}

fn entry(archive: &mut ZipArchive<Cursor<&[u8]>>, end: &str) -> Result<String, Box<dyn Error>> {
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.name()?.ends_with(end) {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return Ok(text);
        }
    }
    Err(format!("Swagger UI has no {end}").into())
}

/// The authorities as a constant, in the words of `src/transport.rs`.
fn authorities() -> Result<String, Box<dyn Error>> {
    let mut anchors = String::new();
    for anchor in webpki_roots::TLS_SERVER_ROOTS {
        let subject: &[u8] = &anchor.subject;
        let names = |name: &str| subject.windows(name.len()).any(|part| part == name.as_bytes());
        if AUTHORITIES.into_iter().any(names) {
            if anchor.name_constraints.is_some() {
                return Err("AWS's authorities may name anything".into());
            }
            let key: &[u8] = &anchor.subject_public_key_info;
            writeln!(anchors, "    anchor(&{subject:?}, &{key:?}),")?;
        }
    }
    if anchors.is_empty() {
        return Err(format!("webpki-roots holds none of {AUTHORITIES:?}").into());
    }
    Ok(format!("[\n{anchors}]\n"))
}
