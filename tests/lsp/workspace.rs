//! Tests of settings, folders, diagnostics of the whole workspace, and files that are none of espq's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, codes};
use crate::{DIGITS, editor, many_samples};

const INFORMATION: i64 = 3;

/// An editor that hands its settings over when it is asked.
fn configured() -> Value {
    let mut capabilities = editor();
    capabilities["workspace"]["configuration"] = json!(true);
    capabilities["workspace"]["didChangeConfiguration"] = json!({ "dynamicRegistration": true });
    capabilities
}

fn of_message(text: &str) -> impl Fn(&Value) -> bool {
    move |m| m["params"]["message"].as_str().is_some_and(|said| said.contains(text))
}

#[test]
fn settings_are_requested_and_their_changes_apply() {
    let mut client = Client::start();
    client.settings = json!({ "analyze": "manual", "logLevel": "debug" });
    client.initialize(configured(), json!({}));
    client.told(|m| m["method"] == "workspace/configuration");
    let registered = |m: &Value| m["params"]["registrations"][0]["method"] == "workspace/didChangeConfiguration";
    client.told(registered);
    client.told(of_message("settings: "));

    // Nothing is measured, which is said, with what to do about it.
    client.open(DIGITS);
    let found = client.published(|d| codes(d) == ["E003"]);
    assert_eq!(found[0]["severity"], INFORMATION);
    assert!(found[0]["message"].as_str().unwrap().starts_with("not measured: "), "{found:?}");
    let actions = client.actions(3);
    let measure = actions.iter().find(|a| a["title"] == "Measure the error of this text").unwrap();
    assert_eq!(measure["command"]["command"], "espq.analyze");
    client.command("espq.analyze").unwrap();
    client.published(|d| codes(d) == ["E002"]);

    // The next edit is checked, and not measured.
    client.change(2, &DIGITS.replace("\"3%\"", "\"90%\""));
    client.published(|d| codes(d).contains(&"E003"));

    client.settings = json!({ "analyze": "type" });
    client.notify("workspace/didChangeConfiguration", json!({ "settings": null }));
    client.published(|d| d.is_empty());
}

#[test]
fn an_editor_without_requests_sends_its_settings() {
    let mut client = Client::start();
    client.initialize(editor(), json!({ "initializationOptions": { "analyze": "save" } }));
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.change(2, &DIGITS.replace("\"3%\"", "\"90%\""));
    client.listen(Duration::from_millis(700));
    let last = client.heard("textDocument/publishDiagnostics").last().map(|p| p["diagnostics"].clone()).unwrap();
    assert_eq!(codes(last.as_array().unwrap()), ["E002"], "the figures of the text before stay until it is saved");
    let uri = client.uri();
    client.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri } }));
    client.published(|d| d.is_empty());

    client.notify("workspace/didChangeConfiguration", json!({ "settings": { "espq": { "analyze": "sometimes" } } }));
    client.told(of_message("the setting espq.analyze is \"sometimes\", but can only be"));
}

#[test]
fn a_cancelled_analysis_says_so_and_can_be_repeated() {
    let mut capabilities = editor();
    capabilities["window"] = json!({ "workDoneProgress": true });
    let mut client = Client::with(capabilities);
    many_samples(client.folder.path(), 20_000);
    client.open(&DIGITS.replace("data = \"calib.npz\"", "data = \"many.npy\"\nsamples = 20000"));
    let begun = client.told(|m| m["method"] == "$/progress" && m["params"]["value"]["kind"] == "begin");
    let token = begun["params"]["token"].clone();
    client.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    let found = client.published(|d| codes(d).contains(&"E003"));
    let left = found.iter().find(|d| d["code"] == "E003").unwrap();
    assert_eq!(left["message"], "not measured: the analysis was cancelled\nhelp: run `espq: Analyze`");
    client.command("espq.analyze").unwrap();
    client.published(|d| !codes(d).contains(&"E003"));
}

/// Requests the diagnostics of the workspace, with the results that are known.
fn ask(client: &mut Client, known: &[Value]) -> i64 {
    let results: Vec<Value> = known
        .iter()
        .filter(|item| item["resultId"].is_string())
        .map(|item| json!({ "uri": item["uri"], "value": item["resultId"] }))
        .collect();
    client.ask("workspace/diagnostic", json!({ "previousResultIds": results }))
}

fn items(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().unwrap().clone()
}

fn name(item: &Value) -> String {
    item["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_string()
}

#[test]
fn all_projects_of_the_workspace_are_checked_and_again_after_changes() {
    let mut client = Client::start();
    let folder = client.folder.path().to_path_buf();
    std::fs::write(folder.join("bad.espq.toml"), DIGITS.replace("layer-nsr", "layer-nrs")).unwrap();
    std::fs::write(folder.join("espq.toml"), DIGITS).unwrap();
    std::fs::write(folder.join("Cargo.toml"), "[package]\nname = 'x'\n").unwrap();
    let folders = json!([{ "uri": format!("file://{}", folder.display()), "name": "w" }]);
    let mut capabilities = editor();
    capabilities["textDocument"]["diagnostic"] = json!({});
    capabilities["workspace"]["didChangeWatchedFiles"] = json!({ "dynamicRegistration": true });
    let answer = client.initialize(capabilities, json!({ "workspaceFolders": folders }));
    assert_eq!(answer["capabilities"]["diagnosticProvider"]["workspaceDiagnostics"], true);
    assert_eq!(answer["capabilities"]["workspace"]["workspaceFolders"]["supported"], true);

    let id = ask(&mut client, &[]);
    let mut first = items(&client.answer(id).unwrap());
    first.sort_by_key(name);
    assert_eq!(first.iter().map(name).collect::<Vec<_>>(), ["bad.espq.toml", "espq.toml"]);
    assert_eq!(codes(first[0]["items"].as_array().unwrap()), ["C002"]);
    assert_eq!(first[1]["items"], json!([]));

    // The next request waits until a file changes, and is then answered with what is new.
    let id = ask(&mut client, &first);
    client.listen(Duration::from_millis(400));
    let bad = folder.join("bad.espq.toml");
    std::fs::write(&bad, DIGITS).unwrap();
    let uri = format!("file://{}", bad.display());
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri, "type": 2 }] }));
    let mut second = items(&client.answer(id).unwrap());
    second.sort_by_key(name);
    assert_eq!((&second[0]["items"], &second[1]["kind"]), (&json!([]), &json!("unchanged")));

    // An open text counts instead of its file; the project that is gone has no diagnostics.
    std::fs::remove_file(&bad).unwrap();
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri, "type": 3 }] }));
    client.open(&DIGITS.replace("layer-nsr", "layer-nrs"));
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let id = ask(&mut client, &second);
        let mut third = items(&client.answer(id).unwrap());
        third.sort_by_key(name);
        if third.len() == 2
            && third[0]["items"] == json!([])
            && third[1]["items"].as_array().is_some_and(|i| !i.is_empty())
        {
            assert_eq!(third[1]["version"], 1);
            break;
        }
        assert!(Instant::now() < until, "{third:?}");
    }

    // A folder that leaves the workspace takes its projects with it.
    let uri = client.uri();
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    client.notify("workspace/didChangeWorkspaceFolders", json!({ "event": { "added": [], "removed": folders } }));
    let id = ask(&mut client, &[]);
    assert_eq!(items(&client.answer(id).unwrap()), Vec::<Value>::new());
}

#[test]
fn files_beside_the_samples_that_are_none_change_nothing() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.told(of_message("analyzed"));
    client.heard.clear();
    for name in ["espq.toml", "model.espdl", "model.json", "notes.txt", "4913", "other.npy"] {
        std::fs::write(client.folder.path().join(name), DIGITS).unwrap();
    }
    client.listen(Duration::from_millis(900));
    let logged = client.heard("window/logMessage");
    assert_eq!(logged, Vec::<&Value>::new(), "nothing is analyzed again");
    let samples = client.folder.path().join("calib.npz");
    std::fs::write(&samples, std::fs::read(&samples).unwrap()).unwrap();
    client.told(of_message("analyzed"));
}

#[test]
fn other_toml_files_are_left_alone() {
    let mut client = Client::with(editor());
    let uri = format!("file://{}/Cargo.toml", client.folder.path().display());
    let document = json!({ "uri": uri, "languageId": "toml", "version": 1, "text": "[package]\nname = 'x'\n" });
    client.notify("textDocument/didOpen", json!({ "textDocument": document }));
    let at = json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 2 } });
    assert_eq!(client.request("textDocument/completion", at.clone()).unwrap(), Value::Null);
    assert_eq!(client.request("textDocument/hover", at).unwrap(), Value::Null);
    let of = json!({ "textDocument": { "uri": uri } });
    assert_eq!(client.request("textDocument/diagnostic", of.clone()).unwrap()["items"], json!([]));
    assert_eq!(client.request("textDocument/semanticTokens/full", of).unwrap(), Value::Null);
    client.listen(Duration::from_millis(500));
    assert_eq!(client.heard("textDocument/publishDiagnostics"), Vec::<&Value>::new());
}

#[test]
fn a_killed_server_leaves_nothing_that_hinders_the_next() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|_| true);
    client.child.kill().unwrap();
    client.restart();
    client.initialize(editor(), json!({}));
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
}
