//! Errors of operators' commands, and their exit codes.

use std::{fmt, io, path::Path, process::ExitCode};

/// The exit codes, for the end of `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the server refused or failed, or a file can't be used
  2    wrong usage
  3    the server can't be reached
  4    an import is through, but lines of it were rejected
  130  stopped by Ctrl-C or SIGTERM";

/// The error of a command, in words for the person who gave it.
#[derive(Debug)]
pub enum Failure {
    /// The arguments are invalid together.
    Usage(String),
    /// The server answered, and not with what was asked for.
    Refused(Refusal),
    /// No answer came.
    Unreachable(String),
    /// A local error: a file, or what it holds.
    Local(String),
    /// An import is through, but lines of it were rejected.
    LinesRejected(String),
    /// The command was told to stop.
    Stopped(String),
}

/// An answer that refuses.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The server's words.
    pub error: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

impl Failure {
    /// The trouble with this file.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        Self::Local(format!("{}: {error}", path.display()))
    }

    /// How the process ends.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) | Self::Local(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::LinesRejected(_) => 4,
            Self::Stopped(_) => 130,
        })
    }
}

impl Refusal {
    /// Whether the server is carrying the same request out already.
    pub(crate) fn is_in_progress(&self) -> bool {
        self.status == 409 && self.error == "A request with this Idempotency-Key is in progress. Try again later."
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::Usage(text)
            | Self::Unreachable(text)
            | Self::Local(text)
            | Self::LinesRejected(text)
            | Self::Stopped(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP {})", self.error, self.status)?;
        match &self.hint {
            Some(hint) => write!(f, "\n{hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
