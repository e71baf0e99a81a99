//! The data folder: the database, the secrets, and the lock that keeps a second server out.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use keystead_core::signing::secrets::SecretName;
use rustix::fs::OFlags;
use serde::{Serialize, de::DeserializeOwned};

use crate::private_file::Draft;

/// The data folder, held by this process.
pub struct DataDir {
    path: PathBuf,
    /// Held until the process ends.
    _lock: File,
}

impl DataDir {
    /// Locks the folder, and creates it when there is none, with mode 0700. A folder that others may enter, as a
    /// package or a volume makes it, is closed to them, and so are the files in it.
    ///
    /// # Errors
    /// When another process holds it, the file system refuses, or the folder is another user's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let explain = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(explain)?;
        close_to_others(path, 0o700).map_err(explain)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(path.join("lock"))
            .map_err(explain)?;
        match lock.try_lock() {
            Ok(()) => {
                let folder = Self {
                    path: path.to_owned(),
                    _lock: lock,
                };
                folder.tidy().map_err(explain)?;
                Ok(folder)
            }
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

    /// Closes every file to others, and keeps the folder out of a repository that it lies in.
    fn tidy(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Somebody who could once write here may have left it, to have secrets written where it leads.
            if kind.is_symlink() && OWN_FILES.iter().any(|own| entry.file_name() == *own) {
                let name = entry.file_name().display().to_string();
                return Err(io::Error::other(format!("{name} is a link; put the file itself there")));
            }
            if kind.is_file() {
                close_to_others(&entry.path(), 0o600)?;
            }
        }
        let ignore = self.path.join(".gitignore");
        if !ignore.try_exists()? {
            fs::write(&ignore, "*\n")?;
        }
        Ok(())
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.path.join("keystead.db")
    }

    /// The file of a secret.
    pub fn secret_file(&self, name: SecretName) -> PathBuf {
        secret_file(&self.path, name)
    }

    /// A secret, if there is one yet.
    ///
    /// # Errors
    /// When the file is there and can't be read.
    pub fn secret<T: DeserializeOwned>(&self, name: SecretName) -> io::Result<Option<T>> {
        read_secret(&self.secret_file(name))
    }

    /// Writes a secret for this user only: all of it, or nothing should the machine fail in between.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn keep_secret<T: Serialize>(&self, name: SecretName, secret: &T) -> io::Result<()> {
        let draft = Draft::new(&self.secret_file(name))?;
        (&draft).write_all(&serde_json::to_vec_pretty(secret)?)?;
        draft.keep()?;
        File::open(&self.path)?.sync_all()
    }
}

/// What a data folder holds.
const OWN_FILES: [&str; 9] = [
    ".gitignore",
    "lock",
    "root.json",
    "signing.json",
    "credentials.json",
    "accounts.json",
    "keystead.db",
    "keystead.db-wal",
    "keystead.db-shm",
];

/// Removes the permissions of others on this file or folder.
fn close_to_others(path: &Path, mode: u32) -> io::Result<()> {
    let now = fs::metadata(path)?.permissions().mode() & 0o777;
    if now & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("others may read it, and it can't be closed: {error}"),
        )
    })
}

/// Where a data folder has this secret.
pub(crate) fn secret_file(folder: &Path, name: SecretName) -> PathBuf {
    folder.join(format!("{name}.json"))
}

/// The secret in this file, if it is there.
pub(crate) fn read_secret<T: DeserializeOwned>(file: &Path) -> io::Result<Option<T>> {
    match fs::read(file) {
        Ok(document) => serde_json::from_slice(&document)
            .map(Some)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", file.display()))),
    }
}
