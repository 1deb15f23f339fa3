//! Tests of a session that goes on after its server has died.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, codes};
use crate::{DIGITS, editor, many_samples};

fn send(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// Ends the server and returns the message to the user.
fn kill(client: &mut Client, signal: &str) -> String {
    let dead = client.server().unwrap();
    send(signal, dead);
    let told = client.hear(|m| m["method"] == "window/showMessage" && m["params"]["type"] == 1).unwrap();
    assert_ne!(client.server(), Some(dead));
    told["params"]["message"].as_str().unwrap().to_string()
}

/// Makes the limit of 3% one of 90%, which leaves no finding, by a change of one character.
fn raise_the_limit(client: &mut Client, version: i32) {
    let line = DIGITS.lines().position(|line| line.contains("3%")).unwrap();
    let start = json!({ "line": line, "character": 13 });
    let end = json!({ "line": line, "character": 14 });
    let change = json!({ "range": { "start": start, "end": end }, "text": "90" });
    let document = json!({ "uri": client.uri(), "version": version });
    client.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
}

#[test]
fn a_killed_server_is_replaced_and_has_the_edited_text() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    raise_the_limit(&mut client, 2);
    client.published(|d| d.is_empty());

    let told = kill(&mut client, "-KILL");
    assert!(told.contains("it was killed, perhaps for want of memory"), "{told}");
    let shown = client.hear(|m| m["method"] == "textDocument/publishDiagnostics").unwrap();
    assert_eq!(shown["params"]["version"], 2);
    client.listen(Duration::from_millis(300));
    assert_eq!(client.heard("textDocument/publishDiagnostics").last().unwrap()["diagnostics"], json!([]));

    // Edits of its text apply to that of the dead one.
    client.change(3, DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let hover = client.at("textDocument/hover", 2, 2);
    assert!(hover["contents"]["value"].as_str().unwrap().starts_with("The chip"), "{hover}");
    assert_eq!(client.request("shutdown", Value::Null), Ok(Value::Null));
    client.notify("exit", Value::Null);
    assert_eq!(client.ended(), Some(0));
}

#[test]
fn requests_and_progress_of_a_dead_server_end() {
    let mut capabilities = editor();
    capabilities["window"] = json!({ "workDoneProgress": true });
    let mut client = Client::with(capabilities);
    many_samples(client.folder.path(), 60_000);
    client.open(&DIGITS.replace("data = \"calib.npz\"", "data = \"many.npy\"\nsamples = 60000"));
    let begun = client.hear(|m| m["params"]["value"]["kind"] == "begin").unwrap();
    let asked = client.command_later("espq.export");
    client.listen(Duration::from_millis(200));
    let dead = client.server().unwrap();
    send("-ABRT", dead);
    let error = client.answer(asked).unwrap_err();
    assert_eq!(error["code"], -32603);
    assert!(error["message"].as_str().unwrap().contains("stopped"), "{error}");
    let token = &begun["params"]["token"];
    client.told(|m| m["params"]["token"] == *token && m["params"]["value"]["kind"] == "end");
    client.told(|m| m["method"] == "window/showMessage" && m["params"]["type"] == 1);

    client.change(2, DIGITS);
    client.published(|d| codes(d) == ["E002"]);
}

#[test]
fn a_server_that_dies_again_waits_for_a_change() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    kill(&mut client, "-KILL");
    client.published(|d| codes(d) == ["E002"]);
    let told = kill(&mut client, "-KILL");
    assert!(told.contains("next edit"), "{told}");
    assert_eq!(client.server(), None);
    let document = json!({ "textDocument": { "uri": client.uri() }, "position": { "line": 2, "character": 2 } });
    assert_eq!(client.request("textDocument/hover", document).unwrap_err()["code"], -32603);
    assert_eq!(client.server(), None);

    raise_the_limit(&mut client, 2);
    client.published(|d| d.is_empty());
    client.change(3, DIGITS);
    client.published(|d| codes(d) == ["E002"]);
}

#[test]
fn a_session_ends_without_a_server() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    kill(&mut client, "-KILL");
    kill(&mut client, "-KILL");
    assert_eq!(client.request("shutdown", Value::Null), Ok(Value::Null));
    client.notify("exit", Value::Null);
    assert_eq!(client.ended(), Some(0));
}

#[test]
fn a_document_that_is_closed_without_a_server_has_no_diagnostics() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    kill(&mut client, "-KILL");
    client.published(|d| codes(d) == ["E002"]);
    kill(&mut client, "-KILL");
    let uri = client.uri();
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    client.published(|d| d.is_empty());
}

#[test]
fn a_request_for_diagnostics_is_repeated_with_the_next_server() {
    let mut client = Client::with(json!({ "textDocument": { "diagnostic": {} } }));
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    kill(&mut client, "-KILL");
    client.published(|d| codes(d) == ["E002"]);
    kill(&mut client, "-KILL");
    let asked = client.ask("workspace/diagnostic", json!({ "previousResultIds": [] }));
    client.change(2, &format!("{DIGITS}# more\n"));
    let error = client.answer(asked).unwrap_err();
    assert_eq!((&error["code"], &error["data"]), (&json!(-32802), &json!({ "retriggerRequest": true })));
}

#[test]
fn a_server_that_hangs_is_ended() {
    let mut client = Client::with(editor());
    let server = client.server().unwrap();
    send("-STOP", server);
    client.notify("exit", Value::Null);
    assert_eq!(client.ended(), Some(1));
    assert!(!std::path::Path::new(&format!("/proc/{server}")).exists());
}

#[test]
fn an_initialize_that_was_refused_can_be_corrected() {
    let mut client = Client::start();
    assert_eq!(client.request("initialize", json!([])).unwrap_err()["code"], -32602);
    client.initialize(editor(), json!({}));
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
}

#[test]
fn capabilities_are_registered_once_and_no_id_comes_twice() {
    let mut client = Client::with(json!({
        "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true }, "configuration": true },
    }));
    client.told(|m| m["method"] == "workspace/configuration");
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    kill(&mut client, "-KILL");
    client.published(|d| codes(d) == ["E002"]);
    assert_eq!(client.heard("workspace/configuration").len(), 2);
    assert_eq!(client.heard("client/registerCapability").len(), 1);
    let mut ids: Vec<i64> = client.heard.iter().filter_map(|m| m["id"].as_i64()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn the_server_ends_with_its_supervisor() {
    let mut client = Client::with(editor());
    let server = client.server().unwrap();
    client.child.kill().unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while std::path::Path::new(&format!("/proc/{server}")).exists() {
        assert!(std::time::Instant::now() < until, "it is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
