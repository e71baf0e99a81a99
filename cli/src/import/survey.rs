//! The first pass over a file, before anything is sent.

use std::{
    collections::{BTreeMap, HashMap, hash_map},
    fs::File,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

use super::{ImportArgs, next, open, report::rejected, strength};
use crate::{
    failure::Failure,
    journal::Entry,
    license_file::{Line, Row},
};

/// The result of a first pass over the input, before anything is sent.
pub(super) struct Survey {
    pub(super) sha256: String,
    /// How many rows there are.
    pub(super) rows: u64,
    /// What is wrong with which row.
    wrong: BTreeMap<u64, String>,
    /// Whether there are rows whose license gets a new key.
    pub(super) makes_keys: bool,
    /// The first row whose key can be guessed, and how many there are.
    pub(super) weak: Option<(u64, u64)>,
}

impl Survey {
    pub(super) fn of(args: &ImportArgs) -> Result<Self, Failure> {
        let file = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
        let mut hashing = HashingReader {
            input: file,
            hash: Sha256::new(),
        };
        let mut survey = Self {
            sha256: String::new(),
            rows: 0,
            wrong: BTreeMap::new(),
            makes_keys: false,
            weak: None,
        };
        // Hashes take less memory than the keys.
        let mut keys: HashMap<[u8; 32], u64> = HashMap::new();
        let mut input = open(args, &mut hashing)?;
        while let Some(line) = next(args, &mut input)? {
            survey.rows += 1;
            survey.note(line, &mut keys);
        }
        survey.sha256 = hex::encode(hashing.hash.finalize());
        Ok(survey)
    }

    fn note(&mut self, line: Line, keys: &mut HashMap<[u8; 32], u64>) {
        let number = line.number;
        let row = match line.row {
            Ok(row) => row,
            Err(error) => {
                self.wrong.insert(number, error);
                return;
            }
        };
        if row.license_key.as_ref().is_some_and(strength::is_weak) {
            let (first, count) = self.weak.unwrap_or((number, 0));
            self.weak = Some((first, count + 1));
        }
        match &row.license_key {
            Some(key) => match keys.entry(Sha256::digest(key.as_str()).into()) {
                hash_map::Entry::Occupied(first) => {
                    let error = format!("line {} has the same license key", first.get());
                    self.wrong.insert(number, error);
                }
                hash_map::Entry::Vacant(free) => {
                    free.insert(number);
                }
            },
            None => self.makes_keys = true,
        }
    }

    /// A line that is read again: its license, or that it is rejected without asking the server.
    pub(super) fn judge(&self, args: &ImportArgs, line: Line) -> Result<Result<Row, Entry>, Failure> {
        match (self.wrong.get(&line.number), line.row) {
            (Some(error), row) => {
                let key = row.ok().and_then(|row| row.license_key);
                let entry = rejected(line.number, key.map(|key| key.to_string()), None, error);
                Ok(Err(entry))
            }
            (None, Ok(row)) => Ok(Ok(row)),
            (None, Err(_)) => {
                let text = format!("{} has changed while it was read", args.file.display());
                Err(Failure::Local(text))
            }
        }
    }
}

/// Hashes what is read.
struct HashingReader {
    input: File,
    hash: Sha256,
}

impl Read for &mut HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
