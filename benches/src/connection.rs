//! Where the server is, and one keep-alive connection to it.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use crate::reply::{Head, Reply};

/// How long a caller waits for an answer. The client applications wait 30 s; on the same machine 10 s is already a
/// failure.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The read buffer. Every answer of a scenario fits, so it never grows while the clock runs.
const BUFFER: usize = 16 * 1024;

/// No answer to a request of this generator is longer.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// The server under load.
#[derive(Debug, Clone)]
pub struct Target {
    address: SocketAddr,
    /// The `Host` header: host and port as typed.
    host: String,
    /// The path before each endpoint, without a trailing slash.
    prefix: String,
    /// An API key of the product, where one is shown.
    product_key: String,
}

impl Target {
    /// The server at a base URL such as `http://127.0.0.1:8787`: the first of the host's addresses that accepts a
    /// connection, because `localhost` often has two and a server listens on one.
    ///
    /// # Errors
    ///
    /// A sentence, when the URL is not plain HTTP or nothing listens there.
    pub fn find(url: &str) -> Result<Self, String> {
        let (host, prefix) = split(url)?;
        // A port in brackets belongs to an IPv6 address.
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let with_port = if has_port {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let addresses = with_port
            .to_socket_addrs()
            .map_err(|error| format!("Cannot resolve {host}: {error}."))?;
        let mut refused = format!("Cannot resolve {host}: it has no address.");
        for address in addresses {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(_) => {
                    return Ok(Self {
                        address,
                        host: host.to_owned(),
                        prefix: prefix.to_owned(),
                        product_key: String::new(),
                    });
                }
                Err(error) => refused = format!("Cannot connect to {url} ({address}): {error}."),
            }
        }
        Err(refused)
    }

    /// The server, shown this API key of the product.
    #[must_use]
    pub fn with_product_key(self, product_key: String) -> Self {
        Self { product_key, ..self }
    }

    /// The API key of the product; empty, where none is shown.
    pub fn product_key(&self) -> &str {
        &self.product_key
    }

    /// Whether what is sent stays on this machine.
    pub fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// A complete request to an endpoint such as `validate`.
    pub fn post(&self, endpoint: &str, body: &serde_json::Value) -> Vec<u8> {
        self.post_with(endpoint, "Content-Type: application/json", body)
    }

    /// As [`Target::post`], with a header line instead of the content's type, which Keystead does not ask for.
    pub fn post_with(&self, endpoint: &str, header: &str, body: &serde_json::Value) -> Vec<u8> {
        let body = body.to_string();
        let Self { host, prefix, .. } = self;
        let length = body.len();
        format!(
            "POST {prefix}/{endpoint} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// Host (with its port) and path of a base URL.
fn split(url: &str) -> Result<(&str, &str), String> {
    let Some(rest) = url.strip_prefix("http://") else {
        return Err(format!(
            "Cannot use {url}: the generator speaks plain HTTP, so the URL begins with http://."
        ));
    };
    let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    if host.is_empty() || host.contains('@') || url.contains(['?', '#', ' ', '\r', '\n']) {
        return Err(format!(
            "Cannot use {url}: a base URL is http://host:port, and a path if the server has one."
        ));
    }
    Ok((host, path.trim_end_matches('/')))
}

/// One keep-alive connection, with one request on it at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// A new connection to the server.
    ///
    /// # Errors
    ///
    /// When the server does not accept it.
    pub fn open(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target.address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER],
        })
    }

    /// Send a request and wait for its answer.
    ///
    /// # Errors
    ///
    /// When there was no complete answer. The connection is of no use afterwards.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Reply<'_>> {
        self.stream.write_all(request).map_err(name_timeout)?;
        let mut filled = 0;
        let head = loop {
            if filled == self.buffer.len() {
                return Err(unreadable("the head of the answer is too long"));
            }
            filled += self.read(filled)?;
            if let Some(head) = Head::parse(&self.buffer[..filled]).map_err(unreadable)? {
                break head;
            }
        };
        if head.content_length > LONGEST_ANSWER {
            return Err(unreadable("the answer is longer than any Keystead answer"));
        }
        let end = head.length + head.content_length;
        if end > self.buffer.len() {
            self.buffer.resize(end, 0);
        }
        while filled < end {
            filled += self.read(filled)?;
        }
        if filled > end {
            return Err(unreadable("the server sent more than the announced answer"));
        }
        Ok(Reply {
            status: head.status,
            body: &self.buffer[head.length..end],
            closes: head.closes,
        })
    }

    fn read(&mut self, from: usize) -> io::Result<usize> {
        loop {
            match self.stream.read(&mut self.buffer[from..]) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the server closed the connection",
                    ));
                }
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(name_timeout(error)),
            }
        }
    }
}

fn unreadable(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// A socket's timeout arrives as `WouldBlock`, "resource temporarily unavailable".
fn name_timeout(error: io::Error) -> io::Error {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        return io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} s", TIMEOUT.as_secs()),
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    /// A server that gives these pieces to its first caller, each in a write of its own, then closes.
    fn server(pieces: &'static [&'static str]) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            stream.set_nodelay(true).expect("a socket");
            stream.read_exact(&mut [0; REQUEST.len()]).expect("a request");
            for piece in pieces {
                stream.write_all(piece.as_bytes()).expect("a reader");
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Target {
            address,
            host: address.to_string(),
            prefix: String::new(),
            product_key: String::new(),
        }
    }

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        let target = server(&["HTTP/1.1 200 OK\r\ncontent-le", "ngth: 8\r\n\r\n{\"a\"", ": 1}"]);
        let mut connection = Connection::open(&target).expect("a connection");
        let reply = connection.exchange(REQUEST).expect("an answer");
        assert_eq!(
            (reply.status, reply.body, reply.closes),
            (200, b"{\"a\": 1}".as_slice(), false)
        );
    }

    #[test]
    fn an_answer_cut_short_is_no_answer() {
        let target = server(&["HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"a\""]);
        let mut connection = Connection::open(&target).expect("a connection");
        let error = connection.exchange(REQUEST).expect_err("half an answer");
        assert_eq!(error.to_string(), "the server closed the connection");
    }

    #[test]
    fn a_request_is_framed_by_its_length() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8787));
        let target = Target {
            address,
            host: "127.0.0.1:8787".to_owned(),
            prefix: "/v1".to_owned(),
            product_key: String::new(),
        };
        assert_eq!(
            String::from_utf8(target.post("verify", &serde_json::json!({"productId": "é"}))).expect("text"),
            "POST /v1/verify HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nContent-Type: application/json\r\n\
             Content-Length: 18\r\n\r\n{\"productId\":\"é\"}"
        );
    }

    #[test]
    fn a_base_url_is_a_host_and_perhaps_a_path() {
        assert_eq!(split("http://127.0.0.1:8787"), Ok(("127.0.0.1:8787", "")));
        assert_eq!(split("http://[::1]:8787/"), Ok(("[::1]:8787", "")));
        assert_eq!(split("http://localhost/licenses/"), Ok(("localhost", "/licenses")));
        for url in [
            "https://127.0.0.1",
            "127.0.0.1:8787",
            "http://",
            "http://a@b",
            "http://b?c",
            "http://b\r\nc",
        ] {
            assert!(split(url).is_err(), "{url:?}");
        }
    }
}
