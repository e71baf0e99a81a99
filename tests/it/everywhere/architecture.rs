//! The invariants of ARCHITECTURE, each with its reason and its fix in the message.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use keystead_core::config::variable;
use keystead_core::error::ErrorCode;
use keystead_functions::routes;
use keystead_tests::imports::{Modules, UPDATE};

/// The folders whose code is the product's: what runs in Lambda and in `keystead serve`.
const SOURCES: [&str; 6] = [
    "shared/src",
    "functions/src",
    "functions/lambdas/src",
    "functions/bootstrap/src",
    "shared/keygen/src",
    "cli/src",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A line of code, without comments.
struct Line {
    /// Where it is, from the workspace's root.
    file: String,
    number: usize,
    code: String,
}

impl Line {
    /// Whether `path` occurs, not as a part of a longer name.
    fn names(&self, path: &str) -> bool {
        let in_name = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices(path).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            let after = self.code[at + path.len()..].chars().next();
            let open =
                |end: Option<char>, inside: Option<char>| !(end.is_some_and(in_name) && inside.is_some_and(in_name));
            open(before, path.chars().next()) && open(after, path.chars().next_back())
        })
    }
}

/// Every line of code of the Rust files below `folder`.
fn code(folder: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            lines.extend(code(&path));
        } else if path.ends_with(".rs") {
            let text = read(&path);
            lines.extend(
                text.lines()
                    .enumerate()
                    .filter(|(_, line)| !line.trim_start().starts_with("//"))
                    .map(|(index, line)| Line {
                        file: path.clone(),
                        number: index + 1,
                        code: line.split(" // ").next().unwrap_or_default().to_owned(),
                    }),
            );
        }
    }
    assert!(
        !lines.is_empty(),
        "{folder} holds no code: this test looks in the wrong place"
    );
    lines
}

/// Asserts that none of `lines` names any of `forbidden`, but for the files in `allowed`.
#[track_caller]
fn assert_unnamed(lines: impl IntoIterator<Item = Line>, forbidden: &[&str], allowed: &[&str], why: &str) {
    let found: Vec<String> = lines
        .into_iter()
        .filter(|line| !allowed.iter().any(|allowed| line.file.starts_with(allowed)))
        .filter(|line| forbidden.iter().any(|path| line.names(path)))
        .map(|line| format!("{}:{}: {}", line.file, line.number, line.code.trim()))
        .collect();
    assert!(found.is_empty(), "{why}\n{}", found.join("\n"));
}

/// The names in a section of a Cargo.toml, such as `[dependencies]`.
fn section(manifest: &str, section: &str) -> Vec<String> {
    let text = read(manifest);
    let lines = text.lines().skip_while(|line| line.trim() != section).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn no_test_stands_where_cargo_looks_for_none() {
    let untested = [
        "functions/src",
        "functions/lambdas/src",
        "shared/keygen/src",
        "benches/src/bin",
        "benches/empty/src",
    ];
    let mut lines: Vec<Line> = untested.into_iter().flat_map(code).collect();
    lines.extend(
        code("cli/src")
            .into_iter()
            .filter(|line| line.file == "cli/src/main.rs"),
    );
    assert_unnamed(
        lines,
        &["cfg(test)", "#[test]"],
        &[],
        "the manifest says `test = false`, so that nobody compiles it twice: write the test in tests/ or cli/tests/, or \
         take that line out of the manifest.",
    );
}

#[test]
fn the_core_knows_neither_http_nor_lambda() {
    let why = "The core must not know how it is asked: move this to functions/src, which speaks HTTP and Lambda.";
    let dependencies = section("shared/Cargo.toml", "[dependencies]");
    assert!(
        dependencies.contains(&"serde".to_owned()),
        "the manifest is read wrongly: {dependencies:?}"
    );
    for web in [
        "http",
        "hyper",
        "axum",
        "tower",
        "lambda_http",
        "lambda_runtime",
        "matchit",
        "serde_html_form",
    ] {
        assert!(
            !dependencies.contains(&web.to_owned()),
            "shared/Cargo.toml depends on {web}. {why}"
        );
    }
    let web = [
        "use http",
        " http::",
        "(http::",
        "<http::",
        "StatusCode",
        "HeaderMap",
        "lambda_http",
        "lambda_runtime",
    ];
    assert_unnamed(code("shared/src"), &web, &[], why);
}

#[test]
fn decisions_never_wait() {
    let nouns = code("shared/src")
        .into_iter()
        .filter(|line| !line.file.starts_with("shared/src/store/"));
    let why = "Decisions are pure: fetch in shared/src/store, decide in shared/src/<noun>/, write in shared/src/store.";
    assert_unnamed(nouns, &["async", ".await"], &[], why);
}

/// The packages whose modules stand on floors.
const FLOORED: [&str; 2] = ["shared/src", "functions/src"];

#[test]
fn no_module_imports_one_that_imports_it() {
    for folder in FLOORED {
        if let Some(circle) = Modules::read(folder).circle() {
            panic!(
                "{folder} has a circle of imports, so none of its modules can be read, tested or moved without the others:\n  \
                 {}\nOpen it at the arrow that goes up: move the item that both need into the lower module, or into a \
                 module of its own below both; or hand it over as an argument.",
                circle.join("\n  ")
            );
        }
    }
}

#[test]
fn the_page_on_architecture_draws_the_floors_as_the_imports_make_them() {
    const PAGE: &str = "docs/ARCHITECTURE.md";
    let page = read(PAGE);
    let mut written = page.clone();
    for folder in FLOORED {
        let begin = format!("<!-- The floors of {folder}, written by a test. -->\n```text\n");
        let (before, rest) = written
            .split_once(&begin)
            .unwrap_or_else(|| panic!("{PAGE} has no {begin}"));
        let (_, after) = rest.split_once("\n```\n").expect("the end of a drawing");
        written = format!("{before}{begin}{}\n```\n{after}", Modules::read(folder).drawing());
    }
    if variable("UPDATE_EXPECT").is_some() {
        fs::write(root().join(PAGE), written).expect("the page can be written");
        return;
    }
    assert!(
        page == written,
        "{PAGE} draws other floors than the imports make. See whether each module stands where it should, then have the \
         drawing written:\n  {UPDATE}"
    );
}

#[test]
fn only_the_store_names_the_sdk_of_dynamodb() {
    let why = "Only shared/src/store talks to DynamoDB: give it a method that is named after the access pattern.";
    for folder in SOURCES {
        assert_unnamed(
            code(folder),
            &["aws_sdk_dynamodb", "serde_dynamo"],
            &["shared/src/store/"],
            why,
        );
    }
    for manifest in [
        "functions/Cargo.toml",
        "functions/lambdas/Cargo.toml",
        "cli/Cargo.toml",
        "tests/Cargo.toml",
    ] {
        for dependency in section(manifest, "[dependencies]") {
            assert!(
                !["aws-sdk-dynamodb", "serde_dynamo"].contains(&&*dependency),
                "{manifest}: {dependency}. {why}"
            );
        }
    }
}

#[test]
fn time_randomness_and_the_environment_enter_at_one_place_each() {
    for folder in SOURCES {
        assert_unnamed(
            code(folder),
            &["Utc::now", "Local::now", "SystemTime"],
            &["shared/src/clock.rs"],
            "Ask the context's clock (shared/src/clock.rs) for the time, so that tests can give it.",
        );
        assert_unnamed(
            code(folder),
            &["env::var", "env::var_os", "env::vars"],
            &["shared/src/config.rs"],
            "Read the environment in shared/src/config.rs, which documents every variable.",
        );
        assert_unnamed(
            code(folder),
            &[
                "SystemRandom",
                "SecureRandom",
                "rand::",
                "getrandom",
                "Uuid::new_v4",
                "Uuid::now_v7",
            ],
            // The randomness of keys and signer blinds RSA's computation and shows in no answer; keygen makes new secrets for an
            // operator, and is in no Lambda binary.
            &[
                "shared/src/ids.rs",
                "shared/src/signing/keys.rs",
                "shared/keygen/src/lib.rs",
                "cli/src/signer.rs",
            ],
            "Ask the context's ids (shared/src/ids.rs) for what nobody has had before, so that tests can foresee it.",
        );
    }
}

#[test]
fn no_request_reads_a_whole_table() {
    let why = "No request path may scan: query an index of shared/src/store/schema.rs, and add one when there is none.";
    for folder in ["shared/src", "functions/src"] {
        assert_unnamed(code(folder), &[".scan(", "ScanPaginator"], &[], why);
    }
}

#[test]
fn the_frame_names_no_api_and_no_api_another() {
    const APIS: [&str; 5] = ["flat", "license_keys", "accounts", "v1", "docs"];
    let why = "What several APIs have is the frame's (functions/src/frame); what one has is nobody else's.";
    for folder in ["frame", "aws", "sign_in"].iter().chain(&APIS) {
        // `use` trees stand over several lines: each API's name opens its branch.
        let lines: Vec<Line> = code(&format!("functions/src/{folder}"));
        for api in APIS.iter().filter(|api| *api != folder) {
            let (path, branch) = (format!("crate::{api}"), format!("    {api}::"));
            let named = lines
                .iter()
                .find(|line| line.names(&path) || line.code.starts_with(&branch));
            assert!(
                named.is_none(),
                "{}:{}: {}\n{why}",
                named.map_or("", |line| &line.file),
                named.map_or(0, |line| line.number),
                named.map_or("", |line| line.code.trim()),
            );
        }
    }
}

#[test]
fn a_refusal_s_code_is_that_of_its_example() {
    let texts: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), ErrorCode::ALL.len(), "two codes have one text");
    for code in ErrorCode::ALL {
        assert_eq!(code.example().code(), *code, "shared/src/error.rs: {}", code.as_str());
    }
}

#[test]
fn every_endpoint_is_a_route_and_every_function_a_binary() {
    let routes: BTreeSet<String> = routes::all().iter().map(|route| route.name.to_owned()).collect();
    assert_eq!(routes.len(), routes::all().len(), "two routes have one name");

    let manifest = read("functions/lambdas/Cargo.toml");
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let mut listed = BTreeSet::new();
    for block in manifest.split("[[bin]]").skip(1) {
        let name = field(block, "name");
        assert_eq!(
            field(block, "path"),
            format!("src/bin/{name}.rs"),
            "functions/lambdas/Cargo.toml: {name}"
        );
        assert_eq!(
            field(block, "test"),
            "false",
            "functions/lambdas/Cargo.toml: tests would link {name}"
        );
        listed.insert(name);
    }
    let functions: BTreeSet<String> = routes::functions().map(|function| function.name.to_owned()).collect();
    assert_eq!(
        listed, functions,
        "left: the binaries in functions/lambdas/Cargo.toml, right: the functions in functions/src/routes.rs; add the \
         binary, or the function"
    );

    let mut doors = BTreeSet::new();
    for line in code("functions/lambdas/src/bin") {
        let name = line.file["functions/lambdas/src/bin/".len()..]
            .trim_end_matches(".rs")
            .to_owned();
        if let Some((_, rest)) = line.code.split_once("runtime::serve(&") {
            let served = rest.split(')').next().unwrap_or_default();
            let constant = served.rsplit("::").next().unwrap_or_default();
            assert!(
                name.to_uppercase().replace('-', "_").ends_with(constant),
                "{}: serves {served}, which is another function",
                line.file
            );
            doors.insert(name);
        }
    }
    assert_eq!(
        doors, functions,
        "left: the doors in functions/lambdas/src/bin, right: the functions in functions/src/routes.rs; add the door, or \
         the function"
    );

    let apis = ["flat", "license_keys", "accounts", "v1", "docs"];
    for line in apis.iter().flat_map(|api| code(&format!("functions/src/{api}"))) {
        if let Some((constant, endpoint)) = line.code.trim().split_once(" = ")
            && line.file.ends_with("mod.rs")
            && constant.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        {
            let endpoint = endpoint.trim_end_matches(';').split(',').next().unwrap_or_default();
            let endpoint = endpoint.rsplit("::").next().unwrap_or_default();
            let named = pascal(&constant.to_lowercase().replace('_', "-"));
            assert!(
                endpoint.ends_with(&named),
                "{}:{}: {constant} is the function of {endpoint}",
                line.file,
                line.number
            );
        }
    }

    let endpoints = code("functions/src").into_iter().filter_map(|line| {
        let (_, rest) = line.code.split_once("impl Endpoint for ")?;
        rest.split([' ', '{']).next().map(str::to_owned)
    });
    assert_eq!(
        endpoints.collect::<BTreeSet<_>>(),
        routes.iter().map(|name| pascal(name)).collect(),
        "left: what implements Endpoint in functions/src, right: routes::all(); add what is missing to routes::all()"
    );
}

/// `create-api-key` as a type is named: `CreateApiKey`.
fn pascal(kebab: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    kebab.split('-').map(capital).collect()
}

#[test]
fn no_lambda_binary_holds_what_only_a_local_server_needs() {
    // Cargo.lock knows neither features nor kinds of dependencies, so that what is reached here is at least what is
    // linked: a crate that is not reached is in no binary.
    let lock = read("Cargo.lock");
    let mut dependencies: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let name = package.split('"').nth(1).expect("a name");
        let (_, list) = package.split_once("dependencies = [").unwrap_or_default();
        let list = list.split(']').next().unwrap_or_default();
        // An entry is `"name"`, or `"name version"` where several versions are in use.
        let names = list
            .lines()
            .map(|line| line.trim().trim_matches([',', '"']))
            .filter_map(|e| e.split(' ').next());
        dependencies
            .entry(name)
            .or_default()
            .extend(names.filter(|name| !name.is_empty()));
    }
    let mut reached: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = vec![("keystead-lambdas", "")];
    while let Some((package, by)) = next.pop() {
        if reached.contains_key(package) {
            continue;
        }
        reached.insert(package, by);
        let of = dependencies
            .get(package)
            .unwrap_or_else(|| panic!("{package} is not in Cargo.lock"));
        next.extend(of.iter().map(|dependency| (*dependency, package)));
    }
    for (package, reason) in [
        (
            "ring",
            "it signs the tokens; when it is not reached, this test reads Cargo.lock wrongly",
        ),
        ("keystead-core", "as above"),
    ] {
        assert!(reached.contains_key(package), "{package}: {reason}");
    }
    for (package, reason) in [
        (
            "aws-lc-rs",
            "ring does the cryptography in Lambda: one library, half the size",
        ),
        (
            "aws-lc-sys",
            "ring does the cryptography in Lambda: one library, half the size",
        ),
        (
            "dynoxide-rs",
            "the embedded DynamoDB is for the local server and the tests",
        ),
        (
            "rusqlite",
            "the embedded DynamoDB is for the local server and the tests",
        ),
        (
            "openssl",
            "TLS is rustls over ring, which needs no library of the system",
        ),
        (
            "openssl-sys",
            "TLS is rustls over ring, which needs no library of the system",
        ),
        (
            "native-tls",
            "TLS is rustls over ring, which needs no library of the system",
        ),
        ("clap", "a function has no command line"),
        ("keystead", "the local server is not for Lambda"),
    ] {
        if reached.contains_key(package) {
            let mut way = vec![package];
            while let Some(by) = way
                .last()
                .and_then(|last| reached.get(last))
                .filter(|by| !by.is_empty())
            {
                way.push(by);
            }
            way.reverse();
            panic!(
                "{package} may be in the Lambda binaries, by {}: {reason}. Find the feature that brings it in with \
                 `cargo tree -p keystead-lambdas -e normal -i {package}`, and turn it off in Cargo.toml.",
                way.join(" -> ")
            );
        }
    }
}

/// A hash that can be compared with `==` will be, one day, and `==` stops at the first byte that differs.
#[test]
fn secrets_are_kept_as_hashes_that_only_compare_in_constant_time() {
    let source = read("shared/src/signing/secrets.rs");
    let (before, _) = source
        .split_once("pub struct SecretHash([u8; 32]);")
        .expect("the hash of a secret, private inside");
    let derives = before.lines().last().unwrap_or_default();
    assert!(
        derives.starts_with("#[derive(") && !derives.contains("Eq") && source.contains(".ct_eq("),
        "shared/src/signing/secrets.rs: SecretHash has {derives}. Leave it without `PartialEq`, and compare by `matches`."
    );
    for field in ["admin_secret", "webhook_secret"] {
        assert!(
            source.contains(&format!("pub {field}: AcceptedCredential,")),
            "shared/src/signing/secrets.rs: `{field}` is not kept as hashes. Endpoints have no secret in clear to compare with."
        );
    }
}

#[test]
fn every_test_that_the_page_on_security_names_is_there() {
    let page = read("docs/SECURITY.md");
    let is_name = |text: &str| {
        let mut bytes = text.bytes();
        bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let mut count = 0;
    for name in page.split('`').skip(1).step_by(2) {
        let Some((module, test)) = name.rsplit_once("::") else {
            continue;
        };
        if !module.split("::").all(is_name) || !is_name(test) {
            continue;
        }
        count += 1;
        // Tests beside what they test are in its module `tests`.
        let path = module.trim_end_matches("::tests").replace("::", "/");
        let is_there = ["tests/it", "tests/proofs", "cli/tests/it", "shared/src", "cli/src"]
            .iter()
            .any(|of| {
                let source = fs::read_to_string(root().join(of).join(format!("{path}.rs")));
                // A module is named for all of its tests.
                let folder = root().join(of).join(format!("{path}/{test}.rs"));
                source.is_ok_and(|source| source.contains(&format!("fn {test}("))) || folder.exists()
            });
        assert!(
            is_there,
            "docs/SECURITY.md names the test {name}, which is not there. Name the one that keeps the promise now, as \
             `cargo test -- --list` does."
        );
    }
    assert!(
        count > 20,
        "{count} tests are named: this test looks for them in the wrong way"
    );
}

/// The pages that newcomers go by.
const PAGES: [&str; 5] = [
    "docs/ARCHITECTURE.md",
    "docs/ADDING-AN-ENDPOINT.md",
    "docs/SECURITY.md",
    "docs/GLOSSARY.md",
    "CONTRIBUTING.md",
];

#[test]
fn the_files_and_names_that_the_pages_for_newcomers_name_are_there() {
    let files = files("");
    let sources = files.iter().filter(|file| {
        let extension = Path::new(file).extension().and_then(OsStr::to_str);
        extension.is_some_and(|extension| ["rs", "toml", "yaml", "py", "js"].contains(&extension))
    });
    let is_in_name = |c: char| c.is_alphanumeric() || c == '_';
    let texts: Vec<String> = sources.map(|file| read(file)).collect();
    let words: BTreeSet<&str> = texts.iter().flat_map(|text| text.split(|c| !is_in_name(c))).collect();
    let (mut missing, mut count) = (Vec::new(), 0);
    for page in PAGES {
        let text = read(page);
        // What a fenced block shows may be an example.
        let prose = text.split("```").step_by(2);
        for name in prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)) {
            let is_there = match Named::of(name) {
                Some(Named::File) => files
                    .iter()
                    .any(|file| format!("/{file}").ends_with(&format!("/{name}"))),
                Some(Named::Folder) => files
                    .iter()
                    .any(|file| format!("/{file}").contains(&format!("/{name}"))),
                Some(Named::Identifier) => {
                    let parts = name.trim_end_matches("()").trim_end_matches('!').split("::");
                    parts.into_iter().all(|part| words.contains(part))
                }
                None => continue,
            };
            count += 1;
            if !is_there {
                missing.push(format!("{page}: `{name}`"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "These pages name files or code that is not there. Say what it is called now, or say it otherwise:\n{}",
        missing.join("\n")
    );
    assert!(count > 200, "{count} names: this test looks for them in the wrong way");
}

/// What a page may name between backticks.
enum Named {
    /// The end of a file's path: `store/mod.rs`.
    File,
    /// A part of a path that ends with a slash: `shared/src/store/`.
    Folder,
    /// What looks like Rust: `Endpoint::call`, `SeatLimit`, `MAX_BODY`, `license_create`, `schema!`.
    Identifier,
}

impl Named {
    fn of(name: &str) -> Option<Self> {
        const EXTENSIONS: [&str; 10] = ["rs", "toml", "yaml", "md", "json", "py", "html", "js", "css", "mjs"];
        let is_path = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ['_', '-', '.', '/'].contains(&c));
        if is_path && !name.starts_with(['/', '.']) {
            let extension = Path::new(name).extension().and_then(OsStr::to_str);
            if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
                return Some(Self::File);
            }
            if name.ends_with('/') {
                return Some(Self::Folder);
            }
        }
        let bare = name.trim_end_matches("()").trim_end_matches('!');
        let is_identifier = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !bare.split("::").all(is_identifier) {
            return None;
        }
        let last = bare.rsplit("::").next().unwrap_or_default();
        let is_type =
            last.starts_with(|c: char| c.is_ascii_uppercase()) && last.contains(|c: char| c.is_ascii_lowercase());
        (bare != name || bare.contains("::") || last.contains('_') || is_type).then_some(Self::Identifier)
    }
}

/// Every file below `folder`, from the workspace's root, but for what is built.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        if !entry.path().is_dir() {
            found.push(path);
        } else if ![".git", "target", "node_modules", ".keystead"].contains(&&*name) {
            found.extend(files(&path));
        }
    }
    found
}

/// A method of the store, as far as its rules go.
struct StoreMethod {
    file: String,
    doc: String,
    name: String,
    /// Its parameters, as they are written.
    parameters: String,
}

/// The methods of `impl Store` that other files call, in the files that are named after a noun.
fn store_methods() -> Vec<StoreMethod> {
    /// What belongs to no noun: the connection, and what all nouns read and write by.
    const NOUNLESS: [&str; 3] = ["store/mod.rs", "store/read.rs", "store/write.rs"];
    let folder = "shared/src/store";
    let files: BTreeSet<String> = code(folder).into_iter().map(|line| line.file).collect();
    let mut methods = Vec::new();
    for file in files {
        if NOUNLESS.iter().any(|nounless| file.ends_with(nounless)) {
            continue;
        }
        let text = read(&file);
        for block in text.split("\nimpl Store {\n").skip(1) {
            let block = block.split("\n}\n").next().unwrap_or_default();
            let mut doc = String::new();
            let mut lines = block.lines();
            while let Some(line) = lines.next() {
                let line = line.trim_start();
                if let Some(said) = line.strip_prefix("///") {
                    doc.push_str(said);
                    continue;
                }
                let name = line.split_once("fn ").filter(|(before, _)| before.starts_with("pub"));
                if let Some((_, signature)) = name {
                    let mut signature = signature.to_owned();
                    while !signature.ends_with('{') {
                        signature.push_str(lines.next().expect("a body"));
                    }
                    let end = signature.find(['(', '<']).expect("parameters");
                    let result = signature.rfind("->").unwrap_or(signature.len());
                    methods.push(StoreMethod {
                        file: file.clone(),
                        doc: doc.clone(),
                        name: signature[..end].to_owned(),
                        parameters: signature[end..result].to_owned(),
                    });
                }
                doc.clear();
            }
        }
    }
    assert!(
        methods.len() > 50,
        "{folder} has few methods: this test looks in the wrong place"
    );
    methods
}

#[test]
fn a_store_method_begins_with_its_noun() {
    const NOUNS: [&str; 29] = [
        "account",
        "activation",
        "address",
        "api_key",
        "authorization",
        "blacklist",
        "attempt",
        "code",
        "device",
        "event",
        "invite",
        "lease",
        "ledger",
        "license",
        "login",
        "mail_token",
        "member",
        "membership",
        "notice",
        "organisation",
        "ownership",
        "nonce",
        "product",
        "purchase",
        "rate_limit",
        "sale",
        "session",
        "table",
        "violation",
    ];
    let nouns = NOUNS.iter().chain(&["variant"]);
    let named = |method: &StoreMethod| {
        let begins = |noun: &&str| method.name.strip_prefix(noun).is_some_and(|verb| verb.starts_with('_'));
        nouns.clone().copied().any(|noun| begins(&noun))
    };
    let unnamed = store_methods().into_iter().filter(|method| !named(method));
    let unnamed: Vec<String> = unnamed
        .map(|method| format!("{}: {}", method.file, method.name))
        .collect();
    assert!(
        unnamed.is_empty(),
        "{unnamed:#?}\nEverything is called as `store.method()`. Begin the name with its noun (`license_create`, \
         `activation_admit`), so that a list of methods is sorted by what they are about. A new noun goes into this test."
    );
}

#[test]
fn a_finder_without_a_tenant_says_that_it_is_unscoped() {
    /// What says whose a record is: its owner, a credential that only its holder has, or a record that was found by one.
    const TENANTS: [&str; 12] = [
        "Account",
        "Scope",
        "OwnerId",
        "LicenseKey",
        "KeyHash",
        "PurchaseKey",
        "AccountClaims",
        "Secret",
        "License",
        "Product",
        "Purchase",
        "Code",
    ];
    const FINDS: [&str; 5] = ["_get", "_list", "_by_", "_newest", "_cached"];
    for method in store_methods() {
        let StoreMethod {
            file,
            doc,
            name,
            parameters,
        } = &method;
        let is_finder = FINDS.iter().any(|verb| name.contains(verb));
        let types: Vec<&str> = parameters.split(|c: char| !c.is_alphanumeric()).collect();
        // An account is found by the address that its owner signs in with.
        let own = types.contains(&"Email") && (name.starts_with("account_") || name.starts_with("login_"));
        let scoped = own || TENANTS.iter().any(|tenant| types.contains(tenant));
        assert!(
            !is_finder || scoped || name.ends_with("_unscoped"),
            "{file}: {name} takes no owner, scope or credential, so it finds other tenants' records. Take a `Scope`; or \
             end the name with `_unscoped`, and have its doc say who checks the owner."
        );
        assert!(
            !name.ends_with("_unscoped") || doc.contains("**Unscoped**:"),
            "{file}: the doc of {name} does not say `**Unscoped**: ...`, that the caller must check the owner, or why none \
             has to."
        );
    }
}
