//! The data folder: the database, the secrets, and the lock that keeps a second server out.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use keystead_core::signing::secrets::Secrets;

/// The data folder, held by this process.
pub struct DataDir {
    path: PathBuf,
    /// Held until the process ends.
    _lock: File,
}

impl DataDir {
    /// Takes the folder, and makes it when there is none: for this user only.
    ///
    /// # Errors
    /// When another process holds it, or the file system refuses.
    pub fn open(path: &Path) -> io::Result<Self> {
        let explain = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(explain)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(explain)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!(
                    "{} is in use by another keystead; give --data-dir another folder",
                    path.display()
                ),
            )),
            Err(TryLockError::Error(error)) => Err(explain(error)),
        }
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.path.join("keystead.db")
    }

    /// The secrets' file.
    pub fn secrets_file(&self) -> PathBuf {
        secrets_file(&self.path)
    }

    /// The secrets, if there are any yet.
    ///
    /// # Errors
    /// When the file is there and can't be read.
    pub fn secrets(&self) -> io::Result<Option<Secrets>> {
        read_secrets(&self.secrets_file())
    }

    /// Writes the secrets for this user only: all of them, or none should the machine fail in between.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn keep_secrets(&self, secrets: &Secrets) -> io::Result<()> {
        let draft = self.path.join("secrets.json.new");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(secrets)?)?;
        file.sync_all()?;
        fs::rename(&draft, self.secrets_file())?;
        File::open(&self.path)?.sync_all()
    }
}

/// Where a data folder's secrets are.
pub(crate) fn secrets_file(folder: &Path) -> PathBuf {
    folder.join("secrets.json")
}

/// The secrets in this file, if it is there.
pub(crate) fn read_secrets(file: &Path) -> io::Result<Option<Secrets>> {
    match fs::read(file) {
        Ok(document) => serde_json::from_slice(&document)
            .map(Some)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", file.display()))),
    }
}
