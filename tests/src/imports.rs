//! What the modules of a package import from each other, as their source says, and the floors that they make.
//!
//! A module is a file; a folder's is its `mod.rs`. Declaring a module (`pub mod`) and naming it again (`pub use`) are no
//! imports: who imports by another name imports from the file that has the item.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::Path,
};

/// How the drawings of the floors are written anew.
pub const UPDATE: &str = "UPDATE_EXPECT=1 cargo test -p keystead-tests --test it -- everywhere::architecture";

/// How wide a line of a drawing is at most.
const WIDTH: usize = 118;

/// The segments of a path in the source.
type Segments = Vec<String>;

/// The modules of a package, and what they import.
pub struct Modules {
    /// The folder of the package's sources, from the workspace's root.
    folder: String,
    /// Each module's file, from that folder, by the module's path: `license::key`.
    files: BTreeMap<String, String>,
    /// What each module imports: by module, the names of the items.
    imports: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Modules {
    /// The modules below this folder, such as `shared/src`.
    pub fn read(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        let mut files = BTreeMap::new();
        find(&root, "", &mut files);
        assert!(
            files.len() > 10,
            "{folder} has few modules: the harness looks in the wrong place"
        );
        let mut paths = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (module, file) in &files {
            let text = fs::read_to_string(root.join(file)).expect("a source");
            let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
            let source = Source::of(&tokens(text));
            for rename in source.renames {
                if let Some(path) = absolute(module, &rename.path, &files) {
                    names.insert((module.clone(), rename.name), path);
                }
            }
            let imported = source.imports.iter();
            let imported = imported.filter_map(|import| absolute(module, &import.path, &files));
            paths.insert(module.clone(), imported.collect::<Vec<_>>());
        }
        // The root of the package, which only declares and names again.
        let text = fs::read_to_string(root.join("lib.rs")).expect("the root of a package");
        for rename in Source::of(&tokens(&text)).renames {
            names.insert((String::new(), rename.name), rename.path);
        }
        let mut imports = BTreeMap::new();
        for (module, paths) in paths {
            let imported: &mut BTreeMap<String, BTreeSet<String>> = imports.entry(module.clone()).or_default();
            for path in paths {
                let from = resolve(&path, &files, &names);
                if let Some(from) = from.filter(|from| *from != module) {
                    imported.entry(from).or_default().extend(path.last().cloned());
                }
            }
        }
        Self {
            folder: folder.to_owned(),
            files,
            imports,
        }
    }

    /// A shortest circle of imports, if there is one: an arrow a line.
    pub fn circle(&self) -> Option<Vec<String>> {
        let circles = self.files.keys().filter_map(|module| self.way_back(module));
        let shortest = circles.min_by_key(Vec::len)?;
        let ends = shortest.iter().zip(shortest.iter().cycle().skip(1));
        Some(ends.map(|(from, to)| self.arrow(from, to)).collect())
    }

    /// The modules on a shortest way from this one back to it.
    fn way_back(&self, module: &String) -> Option<Vec<String>> {
        let mut by: BTreeMap<&String, &String> = BTreeMap::new();
        let mut next = VecDeque::from([module]);
        while let Some(at) = next.pop_front() {
            for to in self.imports[at].keys() {
                if to == module {
                    let mut way = vec![at.clone()];
                    while let Some(before) = by.get(&way[way.len() - 1]).copied() {
                        way.push(before.clone());
                    }
                    way.reverse();
                    return Some(way);
                }
                if !by.contains_key(to) {
                    by.insert(to, at);
                    next.push_back(to);
                }
            }
        }
        None
    }

    fn arrow(&self, from: &str, to: &str) -> String {
        let names: Vec<&str> = self.imports[from][to].iter().map(String::as_str).collect();
        let file = |module: &str| format!("{}/{}", self.folder, self.files[module]);
        format!("{} imports {} of {}", file(from), names.join(", "), file(to))
    }

    /// The modules by their floors, the lowest first. A module stands one floor above the highest that it imports.
    ///
    /// # Panics
    /// If there is a circle of imports: its modules have no floor.
    pub fn floors(&self) -> Vec<BTreeSet<&str>> {
        let mut floors: Vec<BTreeSet<&str>> = Vec::new();
        let mut placed: BTreeSet<&str> = BTreeSet::new();
        while placed.len() < self.files.len() {
            let stands = |module: &&str| {
                !placed.contains(module)
                    && self.imports[*module]
                        .keys()
                        .all(|below| placed.contains(below.as_str()))
            };
            let floor: BTreeSet<&str> = self.files.keys().map(String::as_str).filter(stands).collect();
            assert!(!floor.is_empty(), "{}: a circle of imports has no floor", self.folder);
            placed.extend(&floor);
            floors.push(floor);
        }
        floors
    }

    /// The floors as text, the highest first: `license/{key, lock}` are two modules of a folder, and `license` is the
    /// folder's own.
    pub fn drawing(&self) -> String {
        let mut lines = Vec::new();
        for (number, floor) in self.floors().iter().enumerate().rev() {
            let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for module in floor {
                let (folder, name) = module.rsplit_once("::").unwrap_or(("", module));
                folders.entry(folder).or_default().push(name);
            }
            let groups =
                folders.into_iter().map(
                    |(folder, names)| match (folder.replace("::", "/").as_str(), &names[..]) {
                        ("", names) => names.join("; "),
                        (folder, [name]) => format!("{folder}/{name}"),
                        (folder, names) => format!("{folder}/{{{}}}", names.join(", ")),
                    },
                );
            let mut line = format!("{number:>2} ");
            for word in groups.collect::<Vec<_>>().join("; ").split(' ') {
                if line.len() + 1 + word.len() > WIDTH {
                    lines.push(line);
                    line = " ".repeat(3);
                }
                line.push(' ');
                line.push_str(word);
            }
            lines.push(line);
        }
        lines.join("\n")
    }
}

/// The Rust files below `folder`, by the paths of their modules. The root of the package, `lib.rs`, is not among them: it
/// declares the others.
fn find(folder: &Path, below: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below}{name}");
        if entry.path().is_dir() {
            find(&entry.path(), &format!("{path}/"), files);
        } else if let Some(module) = path.strip_suffix(".rs").filter(|module| *module != "lib") {
            let module = module.strip_suffix("/mod").unwrap_or(module);
            files.insert(module.replace('/', "::"), path);
        }
    }
}

/// A path as it is from the package's root. `None` if it leads to another package.
fn absolute(module: &str, path: &Segments, files: &BTreeMap<String, String>) -> Option<Segments> {
    let mut here: Segments = module.split("::").map(str::to_owned).collect();
    let mut rest = path.iter().peekable();
    match rest.peek().map(|first| first.as_str()) {
        Some("crate") => {
            here.clear();
            rest.next();
        }
        Some("self") => {
            rest.next();
        }
        Some("super") => {
            while rest.next_if(|segment| *segment == "super").is_some() {
                here.pop();
            }
        }
        Some(first) if files.contains_key(&format!("{module}::{first}")) => {}
        Some(_) | None => return None,
    }
    here.extend(rest.cloned());
    Some(here)
}

/// The module whose file has the item at `path`, by whatever name it goes there.
fn resolve(
    path: &[String],
    files: &BTreeMap<String, String>,
    names: &BTreeMap<(String, String), Segments>,
) -> Option<String> {
    let known = |length: &usize| *length == 0 || files.contains_key(&path[..*length].join("::"));
    let length = (0..=path.len()).rev().find(known)?;
    let module = path[..length].join("::");
    let renamed = path
        .get(length)
        .and_then(|name| names.get(&(module.clone(), name.clone())));
    match renamed.filter(|target| target[..] != *path) {
        Some(target) => resolve(&[target, &path[length + 1..]].concat(), files, names),
        None => Some(module).filter(|module| !module.is_empty()),
    }
}

/// The paths in a file.
#[derive(Default)]
struct Source {
    /// Those that are imported or named in place.
    imports: Vec<Import>,
    /// Those that are named again, by `pub use`.
    renames: Vec<Import>,
}

/// A path, and the name by which the file has it.
struct Import {
    path: Segments,
    name: String,
}

impl Source {
    fn of(tokens: &[&str]) -> Self {
        let mut source = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map_or("", |before| tokens[before]);
            if tokens[at] == "use" {
                let length = tokens[at..]
                    .iter()
                    .position(|token| *token == ";")
                    .unwrap_or(tokens.len() - at);
                let mut paths = Vec::new();
                tree(&tokens[at + 1..at + length], &[], &mut paths);
                if before == "pub" || before == ")" {
                    source.renames.extend(paths);
                } else {
                    source.imports.extend(paths);
                }
                at += length;
                continue;
            }
            let mut path = Segments::new();
            if is_name(tokens[at]) && before != "::" && before != "." {
                path.push(tokens[at].to_owned());
                while tokens.get(at + 1) == Some(&"::") && tokens.get(at + 2).is_some_and(|next| is_name(next)) {
                    at += 2;
                    path.push(tokens[at].to_owned());
                }
            }
            if path.len() > 1 {
                let name = path[path.len() - 1].clone();
                source.imports.push(Import { path, name });
            }
            at += 1;
        }
        source
    }
}

/// The paths of a `use`, such as `a::{b, c::{self, d}}`.
fn tree(tokens: &[&str], prefix: &[String], paths: &mut Vec<Import>) {
    let mut path = prefix.to_vec();
    let mut alias = None;
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at] {
            "::" => {}
            "as" => {
                alias = tokens.get(at + 1);
                break;
            }
            "{" => {
                let inner = &tokens[at + 1..tokens.len() - 1];
                let (mut depth, mut from) = (0, 0);
                for (index, token) in inner.iter().enumerate() {
                    match *token {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        "," if depth == 0 => {
                            tree(&inner[from..index], &path, paths);
                            from = index + 1;
                        }
                        _ => {}
                    }
                }
                tree(&inner[from..], &path, paths);
                return;
            }
            "self" if !path.is_empty() => {}
            segment => path.push(segment.to_owned()),
        }
        at += 1;
    }
    if let (Some(last), false) = (path.last(), tokens.is_empty()) {
        let name = alias.map_or(last.clone(), |alias| (*alias).to_owned());
        paths.push(Import { path, name });
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The names and signs of a source, without comments and literals.
fn tokens(mut text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    while let Some(first) = text.chars().next() {
        let in_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = if text.starts_with("//") {
            text.find('\n').unwrap_or(text.len())
        } else if let Some(hashes) = raw(text) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
        } else if first == '"' {
            let mut escaped = false;
            let end = text[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map_or(text.len(), |at| at + 2)
        } else if first == '\'' {
            // A character, or a lifetime.
            let mut inside = text[1..].char_indices();
            match (inside.next(), inside.next()) {
                (Some((_, '\\')), Some((at, c))) => {
                    let rest = 1 + at + c.len_utf8();
                    text[rest..].find('\'').map_or(text.len(), |end| rest + end + 1)
                }
                (Some(_), Some((at, '\''))) => at + 2,
                (Some(_) | None, _) => 1,
            }
        } else if in_name(first) {
            let skipped = if text.starts_with("r#") { 2 } else { 0 };
            let name = &text[skipped..];
            let end = name.find(|c| !in_name(c)).unwrap_or(name.len());
            tokens.push(&name[..end]);
            skipped + end
        } else {
            let sign = if text.starts_with("::") { 2 } else { first.len_utf8() };
            if !first.is_whitespace() {
                tokens.push(&text[..sign]);
            }
            sign
        };
        text = &text[length..];
    }
    tokens
}

/// How many hashes a raw text begins with, if it is one: `r#"`.
fn raw(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}
