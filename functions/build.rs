//! Makes the page at `/docs` of Swagger UI, as it comes from crates.io: one file that needs no other, and no network. It is
//! packed, because it would be a fifth of its function.

use std::{
    env,
    error::Error,
    fs,
    io::{Cursor, Read},
    path::Path,
};

use miniz_oxide::deflate::compress_to_vec;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The level at which packing takes longest.
const SMALLEST: u8 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/docs/page.html");
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let script = entry(&mut archive, "/dist/swagger-ui-bundle.js")?;
    let style = entry(&mut archive, "/dist/swagger-ui.css")?;
    // A browser ends a script at the first of these, even in a text.
    if script.contains("</script") || style.contains("</style") {
        return Err("Swagger UI can't be put into a page as it is".into());
    }
    let page = fs::read_to_string("src/docs/page.html")?
        .replace("/* style */", &style)
        .replace("/* script */", &script);
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script its folder in the environment"
    )]
    let folder = env::var("OUT_DIR")?;
    let packed = compress_to_vec(page.as_bytes(), SMALLEST);
    fs::write(Path::new(&folder).join("docs.html.deflate"), packed)?;
    Ok(())
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
