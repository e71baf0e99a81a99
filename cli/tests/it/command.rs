//! Operator commands as processes, what comes of them, and what a server that isn't Keystead sees and says.

use std::{
    io::Read as _,
    net::TcpStream,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::server::{SECRET, Server};

/// What came of a command.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The command without a server or a credential.
pub(crate) fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
    command
        .args(args)
        .env_remove("KEYSTEAD_ADMIN_SECRET")
        .env_remove("KEYSTEAD_API_KEY")
        .env_remove("KEYSTEAD_SERVER_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The command as an operator of `server` gives it.
pub(crate) fn operator(server: &Server, args: &[&str]) -> Command {
    let mut command = bare(args);
    command
        .env("KEYSTEAD_SERVER_URL", server.url())
        .env("KEYSTEAD_ADMIN_SECRET", SECRET);
    command
}

/// Runs the command as an operator of `server`.
pub(crate) fn run(server: &Server, args: &[&str]) -> Ran {
    ran(&mut operator(server, args))
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    Ran::from(command.output().expect("a process"))
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Ran {
    /// What it printed, if it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// What it printed, if it did what it should.
    #[track_caller]
    pub(crate) fn printed(self) -> String {
        self.expect(0).out
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let printed = self.printed();
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The head and the body of a request, from a client that sends the length of its body.
pub(crate) fn request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("UTF-8").to_lowercase();
    let (_, length) = head.split_once("content-length: ").expect("a length");
    let length = length
        .split("\r\n")
        .next()
        .expect("a length")
        .parse()
        .expect("a number");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    (head, String::from_utf8(body).expect("UTF-8"))
}

/// An answer after which the connection ends.
pub(crate) fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}
