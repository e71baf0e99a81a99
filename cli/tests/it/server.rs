//! `keystead serve` as a process, for stories to talk to.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;

/// The secret of tests that don't have one generated.
pub(crate) const SECRET: &str = "an-admin-secret-from-the-environment";

/// The pause between two looks at a process that has yet to do something.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// A folder of this test's own, empty.
pub(crate) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    // It is there when the test ran before.
    let _: std::io::Result<()> = fs::remove_dir_all(&folder);
    folder
}

pub(crate) fn keystead(folder: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
    command
        .args(["serve", "--port", "0", "--data-dir"])
        .arg(folder)
        .args(flags)
        .env_remove("KEYSTEAD_ADMIN_SECRET")
        .env_remove("KEYSTEAD_WEBHOOK_SECRET")
        .env_remove("KEYSTEAD_SIGNING_ALGORITHM")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// A server that runs. It is killed when the test ends, however it ends.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) address: SocketAddr,
    /// What it has written to the standard error so far.
    written: Arc<Mutex<String>>,
    /// Reads that.
    reader: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(folder: &Path, flags: &[&str]) -> Self {
        Self::spawn(keystead(folder, flags))
    }

    /// With [`SECRET`], and without a demo.
    pub(crate) fn start_bare(folder: &Path, flags: &[&str]) -> Self {
        let mut command = keystead(folder, flags);
        command.arg("--no-demo").env("KEYSTEAD_ADMIN_SECRET", SECRET);
        Self::spawn(command)
    }

    /// With [`SECRET`], without a demo, and without a trace when it ends.
    pub(crate) fn start_in_memory() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
        command
            .args(["serve", "--port", "0", "--in-memory", "--no-demo", "--quiet"])
            .env_remove("KEYSTEAD_WEBHOOK_SECRET")
            .env_remove("KEYSTEAD_SIGNING_ALGORITHM")
            .env("KEYSTEAD_ADMIN_SECRET", SECRET);
        Self::spawn_quietly(command)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// As [`Server::spawn`], for a command whose streams are not set yet.
    pub(crate) fn spawn_quietly(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Self::spawn(command)
    }

    pub(crate) fn spawn(command: Command) -> Self {
        Self::try_spawn(command)
            .unwrap_or_else(|(status, written)| panic!("the server did not start: {status}: {written}"))
    }

    /// The server, once it serves; or how it ended instead, and what it wrote to the standard error.
    pub(crate) fn try_spawn(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        let mut process = command.spawn().expect("the server's process");
        let mut errors = BufReader::new(process.stderr.take().expect("a pipe"));
        let (tell, told) = mpsc::channel();
        let written = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&written);
        let reader = thread::spawn(move || {
            let mut line = String::new();
            while errors.read_line(&mut line).is_ok_and(|read| read > 0) {
                all.lock().expect("what is written").push_str(&line);
                if let Some((_, rest)) = line.split_once(" serves on http://") {
                    let address = rest.split(' ').next().unwrap_or_default();
                    // Nobody listens when the test has failed already.
                    let _: Result<(), _> = tell.send(address.to_owned());
                }
                line.clear();
            }
        });
        let Ok(address) = told.recv() else {
            let status = process.wait().expect("an exit status");
            reader.join().expect("the standard error");
            return Err((status, written.lock().expect("what is written").clone()));
        };
        Ok(Self {
            process,
            address: address.parse().expect("an address"),
            written,
            reader: Some(reader),
        })
    }

    /// The path of a door that only development has, with the key that the start prints: `/_mail?key=...`.
    pub(crate) fn door(&self, path: &str) -> String {
        let address = format!("{}{path}?key=", self.url());
        // The welcome is whole before the first answer.
        assert_eq!(self.send("GET", "/health", "").0, 200);
        let written = self.written_until(&address);
        let (_, key) = written.split_once(&address).expect("an address");
        format!("{path}?key={}", key.lines().next().expect("a key"))
    }

    /// What it has written to the standard error, once these words are there and their line is whole.
    pub(crate) fn written_until(&self, words: &str) -> String {
        loop {
            let written = self.written.lock().expect("what is written").clone();
            if written.contains(words) {
                return written;
            }
            thread::sleep(LOOK);
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        try_send(self.address, method, path, body).expect("an answer")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, &body.to_string())
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16, path: &str, body: &Value) -> Value {
        let (was, answer) = self.post(path, body);
        assert_eq!(was, status, "{path} {body}\n -> {answer}");
        answer
    }

    pub(crate) fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args([name, &self.process.id().to_string()])
            .status()
            .expect("kill");
        assert!(killed.success());
    }

    /// Waits until it has ended. Answers how, and what it has written to the standard error.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let status = self.process.wait().expect("an exit status");
        let reader = self.reader.take().expect("a server ends once");
        reader.join().expect("the standard error");
        (status, self.written.lock().expect("what is written").clone())
    }

    /// Stops it by SIGTERM. Answers what it has written to the standard error.
    pub(crate) fn stop(mut self) -> String {
        // It may have printed its address, but not all of its welcome yet: that comes before the first answer.
        assert_eq!(self.send("GET", "/health", "").0, 200);
        self.signal("-TERM");
        let (status, written) = self.end();
        assert!(status.success(), "{status}: {written}");
        written
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, mostly.
        let _: std::io::Result<()> = self.process.kill();
        let _: std::io::Result<ExitStatus> = self.process.wait();
    }
}

pub(crate) fn head(method: &str, path: &str, length: usize, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: keystead\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
    )
}

/// One request on a connection of its own.
pub(crate) fn try_send(address: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(head(method, path, body.len(), "Connection: close\r\n").as_bytes())?;
    stream.write_all(body.as_bytes())?;
    answer(&mut stream)
}

/// Reads an answer, after which the server closes the connection.
pub(crate) fn answer(stream: &mut TcpStream) -> std::io::Result<(u16, Value)> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut_short = || std::io::Error::other("the answer is cut short");
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut_short)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = serde_json::from_str(body).map_err(|_| cut_short())?;
    Ok((status.ok_or_else(cut_short)?, body))
}
