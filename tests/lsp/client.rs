//! Client for tests: sends messages to the real binary over pipes and keeps everything that it receives.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Time limit for measurements; long, since tests run unoptimized and in parallel.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    pub child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// All notifications and requests of the server, in order.
    pub heard: Vec<Value>,
    next: i64,
    /// Settings below `espq`.
    pub settings: Value,
    pub folder: tempfile::TempDir,
}

impl Client {
    /// Started server, and a folder with a copy of the digits fixture.
    pub fn start() -> Client {
        let folder = tempfile::tempdir().unwrap();
        let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits");
        for file in ["model.onnx", "calib.npz"] {
            std::fs::copy(digits.join(file), folder.path().join(file)).unwrap();
        }
        let (child, stdin, messages) = server(folder.path());
        Client { child, stdin, messages, heard: Vec::new(), next: 1, settings: Value::Null, folder }
    }

    /// Starts another server after the first has ended.
    pub fn restart(&mut self) {
        self.heard.clear();
        (self.child, self.stdin, self.messages) = server(self.folder.path());
    }

    /// Initializes with these capabilities and other parameters, and returns the answer.
    pub fn initialize(&mut self, capabilities: Value, more: Value) -> Value {
        let mut params = json!({ "processId": null, "rootUri": null, "capabilities": capabilities });
        for (key, value) in more.as_object().unwrap() {
            params[key] = value.clone();
        }
        let answer = self.request("initialize", params).unwrap();
        self.notify("initialized", json!({}));
        answer
    }

    /// Starts and initializes a client with these capabilities.
    pub fn with(capabilities: Value) -> Client {
        let mut client = Client::start();
        client.initialize(capabilities, json!({}));
        client
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("espq.toml")
    }

    pub fn uri(&self) -> String {
        format!("file://{}", self.path().display())
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    pub fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.send_raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and returns its id at once.
    pub fn ask(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next;
        self.next += 1;
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message);
        id
    }

    /// Sends a request and returns the result or the error.
    pub fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.ask(method, params);
        self.answer(id)
    }

    pub fn answer(&mut self, id: i64) -> Result<Value, Value> {
        let message =
            self.hear(|m| m["id"] == id && m.get("method").is_none()).unwrap_or_else(|| panic!("no answer to {id}"));
        match message.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(message["result"].clone()),
        }
    }

    /// Returns the next wanted message; earlier ones are kept, and requests of the server are granted.
    pub fn hear(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.messages.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
            if let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) {
                let result = match method {
                    "workspace/applyEdit" => json!({ "applied": true }),
                    "workspace/configuration" => json!([self.settings]),
                    _ => Value::Null,
                };
                let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
                self.send(&answer);
            }
            let found = wanted(&message);
            if message.get("method").is_some() {
                self.heard.push(message.clone());
            }
            if found {
                return Some(message);
            }
        }
    }

    /// Returns a wanted message that may already have been received.
    pub fn told(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let before = self.heard.iter().find(|m| wanted(m)).cloned();
        before.or_else(|| self.hear(wanted)).unwrap_or_else(|| panic!("not told; heard: {:#?}", self.heard))
    }

    /// Receives messages for a while, and keeps all of them.
    pub fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(message) = self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.heard.push(message);
        }
    }

    pub fn open(&mut self, text: &str) {
        let document = json!({ "uri": self.uri(), "languageId": "toml", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub fn change(&mut self, version: i32, text: &str) {
        let document = json!({ "uri": self.uri(), "version": version });
        let params = json!({ "textDocument": document, "contentChanges": [{ "text": text }] });
        self.notify("textDocument/didChange", params);
    }

    /// Waits for published diagnostics for which `wanted` returns `true`.
    pub fn published(&mut self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let message = self.hear(|m| {
            m["method"] == "textDocument/publishDiagnostics" && wanted(m["params"]["diagnostics"].as_array().unwrap())
        });
        match message {
            Some(message) => message["params"]["diagnostics"].as_array().unwrap().clone(),
            None => panic!("no such diagnostics; heard: {:#?}", self.heard),
        }
    }

    /// Returns received messages of a method.
    pub fn heard(&self, method: &str) -> Vec<&Value> {
        self.heard.iter().filter(|m| m["method"] == method).map(|m| &m["params"]).collect()
    }

    pub fn actions(&mut self, line: usize) -> Vec<Value> {
        let at = json!({ "line": line, "character": 0 });
        let params = json!({
            "textDocument": { "uri": self.uri() },
            "range": { "start": at, "end": at },
            "context": { "diagnostics": [] },
        });
        self.request("textDocument/codeAction", params).unwrap().as_array().unwrap().clone()
    }

    /// Returns the actions at a line, once there is one whose title begins with `title`, with that one first. Repeats
    /// the request: an effect that is not measured in time is part of a later answer.
    pub fn offered(&mut self, line: usize, title: &str) -> Vec<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut actions = self.actions(line);
            if let Some(at) = actions.iter().position(|a| a["title"].as_str().unwrap().starts_with(title)) {
                actions.swap(0, at);
                return actions;
            }
            assert!(Instant::now() < until, "no action `{title}` at line {line}: {actions:?}");
        }
    }

    /// Sends a request for a position: hover, completion.
    pub fn at(&mut self, method: &str, line: usize, character: usize) -> Value {
        let position = json!({ "line": line, "character": character });
        self.request(method, json!({ "textDocument": { "uri": self.uri() }, "position": position })).unwrap()
    }

    pub fn command(&mut self, command: &str) -> Result<Value, Value> {
        let uri = self.uri();
        self.request("workspace/executeCommand", json!({ "command": command, "arguments": [uri] }))
    }

    /// Sends a command and returns its id at once.
    #[cfg(target_os = "linux")]
    pub fn command_later(&mut self, command: &str) -> i64 {
        let uri = self.uri();
        self.ask("workspace/executeCommand", json!({ "command": command, "arguments": [uri] }))
    }

    /// Returns the process that serves, the child of the one that was started.
    #[cfg(target_os = "linux")]
    pub fn server(&self) -> Option<u32> {
        let parent = format!("PPid:\t{}", self.child.id());
        let processes = std::fs::read_dir("/proc").unwrap();
        let mut numbers = processes.filter_map(|process| process.ok()?.file_name().to_str()?.parse().ok());
        numbers.find(|number: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
            status.lines().any(|line| line == parent)
        })
    }

    /// Closes its pipes, like a client that crashes.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Returns the exit code, if the server ends soon.
    pub fn ended(&mut self) -> Option<i32> {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // At the end of its input, the server stops writing into the folder, and ends. It may already have ended.
        self.hang_up();
        self.ended();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server(folder: &Path) -> (Child, Option<ChildStdin>, Receiver<Value>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_espq"))
        .args(["lsp", "--stdio"])
        .env("ESPQ_CACHE_DIR", folder.join("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (sender, messages) = channel();
    std::thread::spawn(move || {
        while let Some(message) = read(&mut out) {
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    (child, stdin, messages)
}

fn read(out: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if out.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            header => {
                if let Some(number) = header.strip_prefix("Content-Length: ") {
                    length = number.parse().ok()?;
                }
            }
        }
    }
    let mut body = vec![0; length];
    out.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// Returns the codes of diagnostics, in order.
pub fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().map(|d| d["code"].as_str().unwrap()).collect()
}

/// Returns a text with the edits of a code action or an applyEdit.
pub fn edited(text: &str, edit: &Value) -> String {
    let edits = match edit.get("documentChanges") {
        Some(changes) => changes[0]["edits"].clone(),
        None => edit["changes"].as_object().unwrap().values().next().unwrap().clone(),
    };
    let byte = |position: &Value| {
        let line = position["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start + position["character"].as_u64().unwrap() as usize
    };
    let mut text = text.to_string();
    for edit in edits.as_array().unwrap().iter().rev() {
        let span = byte(&edit["range"]["start"])..byte(&edit["range"]["end"]);
        text.replace_range(span, edit["newText"].as_str().unwrap());
    }
    text
}
