//! Messages from a stream, each complete. A malformed one is named, and those behind it are read.

use std::io::{BufRead, Read};

use lsp_server::{ErrorCode, Message};

use super::client::{Result, error};

/// Maximum length in bytes. Configurations are far smaller, so a longer one is malformed.
const LONGEST: usize = 64 << 20;

/// Hands over the messages, or the errors of those that cannot be read, until the input ends or nobody takes them.
pub fn read(input: impl BufRead, mut take: impl FnMut(Result<Message>) -> bool) {
    bodies(input, |body| take(parse(&body)));
}

/// Hands over the bodies of the messages, until the input ends or nobody takes them.
pub fn bodies(mut input: impl BufRead, mut take: impl FnMut(Vec<u8>) -> bool) {
    // An input that cannot be read has ended.
    while let Ok(Some(body)) = body(&mut input) {
        if !take(body) {
            return;
        }
    }
}

/// Reads a body; the error is the answer to one that is no message.
pub fn parse(body: &[u8]) -> Result<Message> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|e| error(ErrorCode::ParseError, format!("not JSON: {e}")))?;
    let invalid =
        |_| error(ErrorCode::InvalidRequest, "neither a request nor an answer nor a notification of JSON-RPC");
    serde_json::from_value(value).map_err(invalid)
}

/// Reads the next body; lines that are not headers are skipped.
fn body(input: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        // Limits the memory of a line without an end.
        if input.by_ref().take(LONGEST as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        match (line.trim(), length) {
            ("", Some(length)) => {
                let mut body = vec![0; length];
                input.read_exact(&mut body)?;
                return Ok(Some(body));
            }
            (header, _) => length = content_length(header).or(length),
        }
    }
}

fn content_length(header: &str) -> Option<usize> {
    let (name, value) = header.split_once(':')?;
    let length = name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())??;
    (length <= LONGEST).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(input: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        super::bodies(input, |body| {
            found.push(String::from_utf8(body).unwrap());
            true
        });
        found
    }

    #[test]
    fn messages_are_found_between_other_lines() {
        assert_eq!(bodies(b"Content-Length: 2\r\n\r\n{}Content-Length: 1\r\nContent-Type: x\r\n\r\n7"), ["{}", "7"]);
        assert_eq!(bodies(b"what?\r\n\r\ncontent-length:2\n\n[]"), ["[]"]);
        assert_eq!(bodies(b"Content-Length: 99999999999\r\n\r\nContent-Length: 1\r\n\r\n8"), ["8"]);
        assert_eq!(bodies(b"Content-Length: 5\r\n\r\n{}"), Vec::<String>::new(), "cut off");
    }

    #[test]
    fn malformed_messages_have_their_error_code() {
        let code = |body: &str| parse(body.as_bytes()).err().map(|error| error.code);
        assert_eq!(code(r#"{"jsonrpc":"2.0","method":"a"}"#), None);
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"result":null}"#), None);
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"#), Some(-32700));
        assert_eq!(parse(b"\xff").unwrap_err().code, -32700);
        assert_eq!(code("{}"), Some(-32600));
        assert_eq!(code("[]"), Some(-32600));
    }
}
