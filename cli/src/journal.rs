//! What an import has done so far, beside the file that it reads: so that it goes on where it stopped, however it
//! stopped.
//!
//! The first line says of what import it is. Each further line is one line of the input that is through. A line of the
//! input that was sent and is not in the journal is sent again; that makes no second license, because its license key
//! derives from the import's random id and the line's number, if it has none of its own.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use keystead_core::{ids::Ids, license::key::LicenseKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{failure::Failure, private_file::beside};

/// What an import is of. Another input, server or default is another import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subject {
    /// The SHA-256 of the whole input, in hex.
    pub(crate) sha256: String,
    /// The server's address.
    pub(crate) server: String,
    /// The product that was given for all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) product: Option<String>,
    /// The variant that was given for all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    /// What its columns are, if their names don't say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mapping: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    #[serde(flatten)]
    subject: Subject,
    /// Random and secret: who knows it knows the keys of all licenses that the import makes new ones for.
    import_id: String,
}

/// What became of a line of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// Its number, from 1.
    pub(crate) line: u64,
    pub(crate) outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) license_key: Option<String>,
    /// The HTTP status, when it was the server that rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    /// The license was made.
    Created,
    /// The license was there already, the same.
    Present,
    /// There is no such license.
    Rejected,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Present => "present",
            Self::Rejected => "rejected",
        }
    }

    /// Whether nothing is left to do for the line.
    const fn is_done(self) -> bool {
        match self {
            Self::Created | Self::Present => true,
            // What kept it from being imported may be gone at the next run.
            Self::Rejected => false,
        }
    }
}

/// The last line of an import that is through.
#[derive(Serialize, Deserialize)]
struct End {
    finished: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Entry(Entry),
    End(End),
}

/// The journal of one import, held by this process.
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    import_id: String,
    /// What became of each line, by its number.
    pub(crate) entries: BTreeMap<u64, Entry>,
    /// Whether the import is through.
    pub(crate) is_finished: bool,
}

impl Journal {
    /// Where the journal of an input is.
    pub(crate) fn path_for(input: &Path) -> PathBuf {
        beside(input, ".import-journal")
    }

    /// Takes the journal of `input` up where it ended, or begins it.
    ///
    /// # Errors
    /// When it is the journal of something else, when another process holds it, or when the file system refuses.
    pub(crate) fn open(input: &Path, subject: Subject) -> Result<Self, Failure> {
        let path = Self::path_for(input);
        let mut file = locked(&path)?;
        let explain = |error: io::Error| Failure::file(&path, &error);
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(explain)?;
        let Some(end) = text.iter().position(|byte| *byte == b'\n') else {
            // It ended before its first line was there, and so before anything was sent.
            return Self::begin(file, path, subject);
        };
        let damaged = |number: usize| {
            Failure::Local(format!(
                "{}: line {number} is damaged. --restart begins the import anew.",
                path.display()
            ))
        };
        let header: Header = serde_json::from_slice(&text[..end]).map_err(|_| damaged(1))?;
        same(input, &header.subject, &subject)?;
        let mut journal = Self {
            file,
            import_id: header.import_id,
            entries: BTreeMap::new(),
            is_finished: false,
            path: path.clone(),
        };
        let mut read = end + 1;
        for (index, line) in text[read..].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let record = line.strip_suffix(b"\n").map(serde_json::from_slice);
            match record {
                Some(Ok(Record::Entry(entry))) => {
                    journal.entries.insert(entry.line, entry);
                }
                Some(Ok(Record::End(end))) => journal.is_finished = end.finished,
                // The last line was being written when the process or the machine ended.
                Some(Err(_)) | None if read + line.len() == text.len() => break,
                Some(Err(_)) | None => return Err(damaged(index + 2)),
            }
            read += line.len();
        }
        let kept = u64::try_from(read).unwrap_or(u64::MAX);
        journal.file.set_len(kept).map_err(explain)?;
        journal.file.seek(SeekFrom::Start(kept)).map_err(explain)?;
        Ok(journal)
    }

    fn begin(mut file: File, path: PathBuf, subject: Subject) -> Result<Self, Failure> {
        let explain = |error: io::Error| Failure::file(&path, &error);
        // As unguessable as a license key, since license keys come from it.
        let import_id = Ids::random()
            .uuid_v4()
            .map_err(|error| Failure::Local(error.to_string()))?
            .to_string();
        let header = Header {
            subject,
            import_id: import_id.clone(),
        };
        let line = line(&header).map_err(explain)?;
        file.set_len(0).map_err(explain)?;
        file.seek(SeekFrom::Start(0)).map_err(explain)?;
        file.write_all(&line).map_err(explain)?;
        // From here on licenses are made whose keys nobody could find again without this line.
        file.sync_all().map_err(explain)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(explain)?;
        Ok(Self {
            file,
            path,
            import_id,
            entries: BTreeMap::new(),
            is_finished: false,
        })
    }

    /// Puts the journal of `input` aside, if there is one, so that the import begins anew.
    ///
    /// # Errors
    /// When another process holds it, or when the file system refuses.
    pub(crate) fn put_aside(input: &Path) -> Result<(), Failure> {
        let path = Self::path_for(input);
        if !path.exists() {
            return Ok(());
        }
        let _lock = locked(&path)?;
        // It is not deleted: it may be the only place that knows which keys were made.
        fs::rename(&path, beside(&path, ".old")).map_err(|error| Failure::file(&path, &error))
    }

    /// Whether nothing is left to do for this line.
    pub(crate) fn is_done(&self, line: u64) -> bool {
        self.entries.get(&line).is_some_and(|entry| entry.outcome.is_done())
    }

    /// Writes down what became of a line. It is there when this process is killed in the next moment.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn append(&mut self, entry: Entry) -> Result<(), Failure> {
        let line = line(&entry).map_err(|error| Failure::file(&self.path, &error))?;
        self.file
            .write_all(&line)
            .map_err(|error| Failure::file(&self.path, &error))?;
        self.entries.insert(entry.line, entry);
        Ok(())
    }

    /// Writes down that the import is through.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let explain = |error: io::Error| Failure::file(&self.path, &error);
        let line = line(&End { finished: true }).map_err(explain)?;
        self.file.write_all(&line).map_err(explain)?;
        self.file.sync_all().map_err(explain)?;
        self.is_finished = true;
        Ok(())
    }

    /// How many lines came to this.
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.entries.values().filter(|entry| entry.outcome == outcome).count()
    }

    /// The license keys that this import makes.
    pub(crate) fn keys(&self) -> LineKeys {
        LineKeys {
            import_id: self.import_id.clone(),
        }
    }
}

/// The license keys of lines that name none. The same however often the import is run.
pub(crate) struct LineKeys {
    import_id: String,
}

impl LineKeys {
    /// The key of this line's license: a UUID v4, as the server's own are.
    pub(crate) fn license_key(&self, line: u64) -> Option<LicenseKey> {
        let digest = Sha256::digest(format!("{}\nlicense key\n{line}", self.import_id));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        LicenseKey::parse(&uuid.to_string())
    }
}

/// The journal's file, held by this process until it ends.
fn locked(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Failure::file(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::Local(format!(
            "{}: another import of this file is running",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(Failure::file(path, &error)),
    }
}

/// Whether the import that began is the one that is wanted.
fn same(input: &Path, began: &Subject, wanted: &Subject) -> Result<(), Failure> {
    let difference = if began.sha256 != wanted.sha256 {
        "the file has changed since its import began".to_owned()
    } else if began.server != wanted.server {
        format!("its import began on {}", began.server)
    } else if (&began.product, &began.variant) != (&wanted.product, &wanted.variant) {
        "its import began with another --product or --variant".to_owned()
    } else if began.mapping != wanted.mapping {
        "its import began with another --preset, --map or --ignore".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::Local(format!(
        "{}: {difference}. Run it as it began to go on, or with --restart to begin anew.",
        input.display()
    )))
}

fn line(record: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn input(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("keystead-journal-{}-{test}", std::process::id()));
        // It is there when the test ran before.
        let _: io::Result<()> = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        folder.join("licenses.csv")
    }

    fn subject() -> Subject {
        Subject {
            sha256: "abc".into(),
            server: "http://127.0.0.1:1".into(),
            product: None,
            variant: None,
            mapping: None,
        }
    }

    fn entry(line: u64, outcome: Outcome) -> Entry {
        Entry {
            line,
            outcome,
            license_key: Some(format!("K-{line}")),
            status: None,
            error: None,
        }
    }

    fn open(input: &Path) -> Journal {
        Journal::open(input, subject()).expect("a journal")
    }

    #[test]
    fn what_was_written_is_known_again() {
        let input = input("again");
        let mut journal = open(&input);
        journal.append(entry(2, Outcome::Created)).expect("a line");
        journal.append(entry(4, Outcome::Rejected)).expect("a line");
        journal.append(entry(3, Outcome::Present)).expect("a line");
        let key = journal.keys().license_key(9);
        drop(journal);

        let mode = fs::metadata(Journal::path_for(&input))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "it holds license keys");
        let mut journal = open(&input);
        assert!(journal.is_done(2) && journal.is_done(3));
        assert!(!journal.is_done(4), "a rejected line is tried again");
        assert!(!journal.is_done(5));
        assert_eq!(journal.entries[&2], entry(2, Outcome::Created));
        assert_eq!(journal.keys().license_key(9), key);
        assert!(!journal.is_finished);
        journal.finish().expect("a line");
        drop(journal);
        assert!(open(&input).is_finished);
    }

    #[test]
    fn a_line_that_was_torn_by_a_crash_is_as_if_never_written() {
        let input = input("torn");
        let path = Journal::path_for(&input);
        let mut journal = open(&input);
        journal.append(entry(2, Outcome::Created)).expect("a line");
        drop(journal);
        let whole = fs::read(&path).expect("a file");
        for torn in [
            &b"{\"line\":3,\"outc"[..],
            b"{\"line\":3,\"outcome\":\"created\"}",
            b"\0\0\0\0\n",
        ] {
            fs::write(&path, [&whole[..], torn].concat()).expect("a file");
            let mut journal = open(&input);
            assert!(journal.is_done(2) && !journal.is_done(3));
            journal.append(entry(4, Outcome::Created)).expect("a line");
            drop(journal);
            assert!(open(&input).is_done(4), "what follows is readable");
        }
    }

    #[test]
    fn a_first_line_that_was_torn_begins_anew() {
        let input = input("torn-first");
        let path = Journal::path_for(&input);
        drop(open(&input));
        let header = fs::read(&path).expect("a file");
        for length in [0, 1, header.len() - 1] {
            fs::write(&path, &header[..length]).expect("a file");
            open(&input).append(entry(2, Outcome::Created)).expect("a line");
            assert!(open(&input).is_done(2));
        }
    }

    #[test]
    fn damage_in_the_middle_is_told() {
        let input = input("damaged");
        let path = Journal::path_for(&input);
        let mut journal = open(&input);
        journal.append(entry(2, Outcome::Created)).expect("a line");
        drop(journal);
        let whole = fs::read_to_string(&path).expect("a file");
        fs::write(
            &path,
            whole.replace("\"outcome\"", "\"outc\"") + "{\"finished\":true}\n",
        )
        .expect("a file");
        let Err(error) = Journal::open(&input, subject()) else {
            panic!("a damaged journal is used");
        };
        assert!(
            error.to_string().contains("line 2") && error.to_string().contains("--restart"),
            "{error}"
        );
    }

    #[test]
    fn another_import_does_not_use_it() {
        let input = input("other");
        drop(open(&input));
        let refused = |other: Subject| match Journal::open(&input, other) {
            Ok(_) => panic!("the journal of another import is used"),
            Err(error) => error.to_string(),
        };
        let changed = refused(Subject {
            sha256: "def".into(),
            ..subject()
        });
        assert!(
            changed.contains("has changed") && changed.contains("--restart"),
            "{changed}"
        );
        assert!(
            refused(Subject {
                server: "https://example.com".into(),
                ..subject()
            })
            .contains("http://127.0.0.1:1")
        );
        assert!(
            refused(Subject {
                variant: Some("pro".into()),
                ..subject()
            })
            .contains("--variant")
        );
        Journal::put_aside(&input).expect("the old one is put aside");
        assert!(
            Journal::open(
                &input,
                Subject {
                    sha256: "def".into(),
                    ..subject()
                }
            )
            .is_ok()
        );
    }

    #[test]
    fn two_imports_of_one_file_do_not_run_at_once() {
        let input = input("twice");
        let _first = open(&input);
        let Err(error) = Journal::open(&input, subject()) else {
            panic!("two processes hold one journal");
        };
        assert!(error.to_string().contains("is running"), "{error}");
        assert!(Journal::put_aside(&input).is_err());
    }

    #[test]
    fn every_line_has_a_key_of_its_own_and_another_import_has_others() {
        let (first, second) = (input("keys-1"), input("keys-2"));
        let mut journal = open(&first);
        let keys = journal.keys();
        assert_ne!(keys.license_key(2), keys.license_key(3));
        assert_ne!(keys.license_key(2), open(&second).keys().license_key(2));
        journal.append(entry(2, Outcome::Rejected)).expect("a line");
        assert_eq!(journal.keys().license_key(2), keys.license_key(2));
    }
}
