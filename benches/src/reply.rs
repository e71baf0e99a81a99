//! Reads HTTP/1.1 answers: no more of the protocol than a server's short JSON answers need.

/// What the head of an answer says about the rest of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Bytes up to and including the empty line, where the body begins.
    pub length: usize,
    /// Bytes of the body.
    pub content_length: usize,
    /// The server closes the connection after this answer.
    pub closes: bool,
}

impl Head {
    /// The head at the start of `bytes`, or `None` while its empty line has not arrived.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer, when it is not HTTP/1 or its body has no announced length.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut lines = bytes[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let (status, mut closes) = status_line(lines.next().unwrap_or_default())?;
        let mut content_length = None;
        for line in lines {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                return Err("the answer has a header line without a colon");
            };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                content_length = Some(number(value).ok_or("the answer's Content-Length is not a number")?);
            } else if name.eq_ignore_ascii_case(b"connection") {
                closes = value.eq_ignore_ascii_case(b"close");
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                return Err("the answer is sent in chunks, and this generator only reads Content-Length");
            }
        }
        let content_length = match content_length {
            // These two never have a body, whatever their headers say.
            _ if matches!(status, 204 | 304) => 0,
            Some(length) => length,
            None => return Err("the answer has no Content-Length"),
        };
        Ok(Some(Self {
            status,
            length: end + 4,
            content_length,
            closes,
        }))
    }
}

/// A complete answer.
#[derive(Debug)]
pub struct Reply<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
    /// The connection cannot be used again.
    pub closes: bool,
}

impl Reply<'_> {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The `error` of a refusal, without the `secret` that the request carried. A gateway in front of the server says
    /// `message` instead.
    pub fn error_text(&self, secret: &str) -> String {
        let body: serde_json::Value = serde_json::from_slice(self.body).unwrap_or_default();
        match body["error"].as_str().or_else(|| body["message"].as_str()) {
            Some(text) => text
                .replace(secret, "[hidden]")
                .chars()
                .take(LONGEST_ERROR_TEXT)
                .collect(),
            None => "(the answer has no error text)".to_owned(),
        }
    }
}

/// Characters of an error text that are shown: ours are one sentence.
const LONGEST_ERROR_TEXT: usize = 200;

/// The status, and whether this version of HTTP closes the connection unless told otherwise.
fn status_line(line: &[u8]) -> Result<(u16, bool), &'static str> {
    let closes = match line.get(..9) {
        Some(b"HTTP/1.1 ") => false,
        Some(b"HTTP/1.0 ") => true,
        _ => return Err("the answer is not HTTP/1"),
    };
    let status = line
        .get(9..12)
        .and_then(number)
        .and_then(|status| u16::try_from(status).ok());
    Ok((status.ok_or("the answer's status is not a number")?, closes))
}

fn number(digits: &[u8]) -> Option<usize> {
    // `parse` alone would take a leading `+`.
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes())
            .expect("a readable head")
            .expect("a complete head")
    }

    #[test]
    fn a_plain_answer_tells_its_status_and_where_its_body_is() {
        let text =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-LENGTH:  17 \r\n\r\n{\"success\": true}";
        let head = head(text);
        assert_eq!((head.status, head.content_length, head.closes), (200, 17, false));
        assert_eq!(&text[head.length..], "{\"success\": true}");
    }

    #[test]
    fn a_head_cut_anywhere_is_not_complete_yet() {
        let text = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\n";
        for cut in 0..text.len() {
            assert_eq!(Head::parse(&text.as_bytes()[..cut]), Ok(None), "cut after {cut} bytes");
        }
        assert_eq!(head(text).status, 429);
    }

    #[test]
    fn a_status_line_needs_no_reason() {
        assert_eq!(head("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n").status, 200);
    }

    #[test]
    fn the_connection_closes_when_the_server_says_so() {
        assert!(head("HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n").closes);
    }

    #[test]
    fn http_1_0_closes_unless_told_to_keep_alive() {
        assert!(head("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").closes);
        assert!(!head("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n").closes);
    }

    #[test]
    fn no_content_needs_no_length() {
        assert_eq!(head("HTTP/1.1 204 No Content\r\n\r\n").content_length, 0);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, problem) in [
            ("SSH-2.0-OpenSSH\r\n\r\n", "the answer is not HTTP/1"),
            ("HTTP/1.1 abc\r\n\r\n", "the answer's status is not a number"),
            ("HTTP/1.1 200 OK\r\n\r\n", "the answer has no Content-Length"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n",
                "the answer's Content-Length is not a number",
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length\r\n\r\n",
                "the answer has a header line without a colon",
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                "the answer is sent in chunks, and this generator only reads Content-Length",
            ),
        ] {
            assert_eq!(Head::parse(text.as_bytes()), Err(problem), "{text:?}");
        }
    }

    #[test]
    fn an_error_text_never_repeats_the_secret_of_its_request() {
        let reply = Reply {
            status: 404,
            body: br#"{"valid": false, "error": "No license abc-1"}"#,
            closes: false,
        };
        assert_eq!(reply.error_text("abc-1"), "No license [hidden]");
    }

    #[test]
    fn an_error_text_is_found_wherever_a_server_puts_it() {
        for (body, text) in [
            (
                r#"{"success": false, "error": "License not found"}"#,
                "License not found",
            ),
            (r#"{"message": "Service Unavailable"}"#, "Service Unavailable"),
            (r#"{"error": 7}"#, "(the answer has no error text)"),
            ("<html>", "(the answer has no error text)"),
            ("", "(the answer has no error text)"),
        ] {
            assert_eq!(
                Reply {
                    status: 500,
                    body: body.as_bytes(),
                    closes: false
                }
                .error_text("abc-1"),
                text,
                "{body}"
            );
        }
    }
}
