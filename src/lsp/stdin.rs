//! Splits stdin into complete messages, since tower-lsp stops reading at the first malformed one.
//!
//! A malformed message is forwarded as the request [`REFUSE`], whose answer names the error.

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tower_lsp::jsonrpc::{Request, Response};

pub const REFUSE: &str = "espq/refuse";

/// Maximum length in bytes. Configurations are far smaller, so a longer one is malformed.
const LONGEST: usize = 64 << 20;

/// Runs until `stdin` ends or the reader is gone.
pub async fn pass_on(stdin: impl AsyncRead + Unpin, mut out: DuplexStream) {
    let mut stdin = BufReader::new(stdin);
    while let Ok(Some(body)) = message(&mut stdin).await {
        let body = match wrong(&body) {
            None => body,
            Some(code) => {
                let refused = json!({ "jsonrpc": "2.0", "id": null, "method": REFUSE, "params": { "code": code } });
                refused.to_string().into_bytes()
            }
        };
        let header = format!("Content-Length: {}\r\n\r\n", body.len());
        if out.write_all(header.as_bytes()).await.is_err() || out.write_all(&body).await.is_err() {
            break;
        }
    }
}

/// Returns JSON-RPC's code of the error in a message.
fn wrong(body: &[u8]) -> Option<i64> {
    const PARSE_ERROR: i64 = -32700;
    const INVALID_REQUEST: i64 = -32600;
    if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
        return Some(PARSE_ERROR);
    }
    let is_message =
        serde_json::from_slice::<Request>(body).is_ok() || serde_json::from_slice::<Response>(body).is_ok();
    (!is_message).then_some(INVALID_REQUEST)
}

/// Reads the next body; lines that are not headers are skipped.
async fn message(stdin: &mut BufReader<impl AsyncRead + Unpin>) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        // Limits the memory of a line without an end.
        if (&mut *stdin).take(LONGEST as u64).read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        match (line.trim(), length) {
            ("", Some(length)) => {
                let mut body = vec![0; length];
                stdin.read_exact(&mut body).await?;
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

    fn bodies(input: &str) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut stdin = BufReader::new(input.as_bytes());
            let mut bodies = Vec::new();
            while let Ok(Some(body)) = message(&mut stdin).await {
                bodies.push(String::from_utf8(body).unwrap());
            }
            bodies
        })
    }

    #[test]
    fn messages_are_found_between_other_lines() {
        assert_eq!(bodies("Content-Length: 2\r\n\r\n{}Content-Length: 1\r\nContent-Type: x\r\n\r\n7"), ["{}", "7"]);
        assert_eq!(bodies("what?\r\n\r\ncontent-length:2\n\n[]"), ["[]"]);
        assert_eq!(bodies("Content-Length: 99999999999\r\n\r\nContent-Length: 1\r\n\r\n8"), ["8"]);
        assert_eq!(bodies("Content-Length: 5\r\n\r\n{}"), Vec::<String>::new(), "cut off");
    }

    #[test]
    fn malformed_messages_have_their_error_code() {
        assert_eq!(wrong(br#"{"jsonrpc":"2.0","method":"a"}"#), None);
        assert_eq!(wrong(br#"{"jsonrpc":"2.0","id":1,"result":null}"#), None);
        assert_eq!(wrong(br#"{"method":"#), Some(-32700));
        assert_eq!(wrong(b"\xff"), Some(-32700));
        assert_eq!(wrong(br#"{"not": 1}"#), Some(-32600));
        assert_eq!(wrong(b"[]"), Some(-32600));
    }
}
