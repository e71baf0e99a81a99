//! Files that hold license keys: mode 0600, and written atomically.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// A temporary file that is renamed when it is complete. Until then a file of that name stays as it is.
pub(crate) struct Draft {
    file: File,
    draft: PathBuf,
    path: PathBuf,
    is_kept: bool,
}

impl Draft {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let draft = beside(path, &format!(".{}.new", std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            // Never through a link that somebody else has put there.
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        Ok(Self {
            file,
            draft,
            path: path.to_owned(),
            is_kept: false,
        })
    }

    /// The file is complete: it takes its name.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.draft, &self.path)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Write for &Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.file).flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            // It is left behind if that fails, which does no harm.
            let _: io::Result<()> = fs::remove_file(&self.draft);
        }
    }
}

/// `path` with this at the end of its name.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
