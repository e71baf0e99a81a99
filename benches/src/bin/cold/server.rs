//! The server whose DynamoDB the functions use, and the folder that it keeps its things in.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use keystead_benches::function::Dynamodb;
use serde_json::{Map, Value};

/// A folder that ends with this process.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn make() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("keystead-cold-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("Cannot make {}: {error}.", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `keystead serve` over tables that have names as in AWS, in the DynamoDB of another one.
pub(crate) struct Server {
    _database: KillOnDrop,
    _child: KillOnDrop,
    pub(crate) url: String,
    pub(crate) dynamodb: Dynamodb,
    pub(crate) secrets: String,
    pub(crate) admin_secret: String,
}

impl Server {
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self, String> {
        // The tables of an embedded DynamoDB have no prefix, which functions can't do without.
        let lends = ["--in-memory", "--dynamodb-listen", "127.0.0.1:0"].map(PathBuf::from);
        let log = folder.join("database");
        // The key is told after the address, and the database's own secret is nobody's.
        let (database, access_key_id) = serve(program, &lends, None, &log, "access key id is ")?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        let dynamodb = Dynamodb {
            url: after(&said, "DynamoDB is at ").ok_or("The database does not say where it is.")?,
            access_key_id,
        };
        let data = folder.join("data");
        let borrows = [
            "--dynamodb-endpoint".into(),
            dynamodb.url.clone().into(),
            "--data-dir".into(),
            data.clone(),
        ];
        let (child, url) = serve(
            program,
            &borrows,
            Some(&dynamodb.access_key_id),
            &folder.join("server"),
            "serves on ",
        )?;
        // In one document: whichever a function asks for, it finds what it needs.
        let mut secrets = Map::new();
        for name in ["signing.json", "credentials.json", "accounts.json"] {
            let text = fs::read_to_string(data.join(name))
                .map_err(|error| format!("Cannot read the server's secrets: {error}."))?;
            secrets.extend(serde_json::from_str::<Map<String, Value>>(&text).unwrap_or_default());
        }
        Ok(Self {
            _database: database,
            _child: child,
            url,
            dynamodb,
            admin_secret: secrets["adminSecret"].as_str().unwrap_or_default().to_owned(),
            secrets: Value::Object(secrets).to_string(),
        })
    }
}

/// Starts a server, and waits until it says where something is, after `words`.
fn serve(
    program: &Path,
    flags: &[PathBuf],
    access_key_id: Option<&str>,
    log: &Path,
    words: &str,
) -> Result<(KillOnDrop, String), String> {
    let failed = |error: std::io::Error| format!("Cannot start {}: {error}. Run benches/cold.", program.display());
    let child = Command::new(program)
        .args(["serve", "--port", "0", "--no-demo", "--quiet"])
        .args(flags)
        // Its secrets are those of its folder, and its tables have the usual prefix.
        .env_remove("KEYSTEAD_ADMIN_SECRET")
        .env_remove("KEYSTEAD_WEBHOOK_SECRET")
        .env_remove("KEYSTEAD_TABLE_PREFIX")
        .env("AWS_ACCESS_KEY_ID", access_key_id.unwrap_or("local"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(log).map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let child = KillOnDrop(child);
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let said = fs::read_to_string(log).unwrap_or_default();
        if let Some(address) = after(&said, words) {
            return Ok((child, address));
        }
        if Instant::now() > until {
            return Err(format!("{} does not serve:\n{said}", program.display()));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A process that ends with this one.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The address after these words, of whose line the rest is in.
fn after(text: &str, words: &str) -> Option<String> {
    let (_, rest) = text.split_once(words)?;
    let (line, _) = rest.split_once('\n')?;
    let address = line.split([' ', ',']).next()?;
    Some(address.trim_end_matches('.').to_owned())
}
