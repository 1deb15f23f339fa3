//! Tests of actions that are measured when the user picks them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, codes, edited};
use crate::{DIGITS, many_samples};

const CONTENT_MODIFIED: i64 = -32801;

/// Makes an editor that resolves these properties of an action when the user picks it.
fn editor(properties: &[&str]) -> Value {
    let action = json!({ "dataSupport": true, "resolveSupport": { "properties": properties } });
    json!({
        "workspace": { "workspaceEdit": { "documentChanges": true } },
        "textDocument": { "codeAction": action },
    })
}

/// Returns the first action of a line whose title begins with `title`.
fn action(client: &mut Client, line: usize, title: &str) -> Value {
    let actions = client.actions(line);
    let found = actions.iter().find(|a| a["title"].as_str().unwrap().starts_with(title));
    found.unwrap_or_else(|| panic!("no action `{title}`: {actions:?}")).clone()
}

#[test]
fn an_action_is_measured_when_picked_and_cached_afterwards() {
    let mut client = Client::with(editor(&["edit"]));
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let title = "Set `/down/down.0/Conv` to int8 (measures the effect)";
    let unmeasured = action(&mut client, 9, title);
    assert_eq!((&unmeasured["edit"], &unmeasured["data"]["version"]), (&Value::Null, &json!(1)));
    assert_eq!(unmeasured["kind"], "refactor.rewrite");

    let resolved = client.request("codeAction/resolve", unmeasured).unwrap();
    assert_eq!(resolved["title"], title, "this client resolves only the edit");
    let change = &resolved["edit"]["documentChanges"][0]["textDocument"];
    assert_eq!(*change, json!({ "uri": client.uri(), "version": 1 }));
    assert!(edited(DIGITS, &resolved["edit"]).contains("\"/down/down.0/Conv\" = \"int8\""));

    let measured = client.offered(9, "Set `/down/down.0/Conv` to int8: output error ");
    assert!(measured[0]["title"].as_str().unwrap().contains(", -"), "it takes less flash: {measured:?}");
    assert_eq!(measured[0]["edit"], resolved["edit"]);
}

#[test]
fn a_client_that_resolves_titles_gets_the_effect_in_the_title() {
    let mut client = Client::with(editor(&["edit", "title"]));
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let unmeasured = action(&mut client, 9, "Set `/down/down.0/Conv` to int8");
    let title = client.request("codeAction/resolve", unmeasured).unwrap()["title"].clone();
    let title = title.as_str().unwrap();
    assert!(title.starts_with("Set `/down/down.0/Conv` to int8: output error "), "{title}");
}

#[test]
fn the_fix_of_a_finding_is_measured_when_it_is_picked() {
    let mut client = Client::with(editor(&["edit"]));
    many_samples(client.folder.path(), 1000);
    client.open(&DIGITS.replace("calib.npz\"", "many.npy\"\nsamples = 1000").replace("\"3%\"", "\"1%\""));
    let found = client.published(|d| codes(d).contains(&"E002"));
    let line = found[0]["range"]["start"]["line"].as_u64().unwrap();
    let asked = std::time::Instant::now();
    let actions = client.actions(line as usize);
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    let unmeasured = actions.iter().find(|a| a.get("edit").is_none()).expect("measured already");
    assert!(unmeasured["title"].as_str().unwrap().ends_with(" to int16 (measures the effect)"), "{unmeasured}");
    assert_eq!(unmeasured["diagnostics"][0]["code"], "E002");
    let resolved = client.request("codeAction/resolve", unmeasured.clone()).unwrap();
    // The analysis was paused for it and continues.
    client.offered(line as usize, "Set all ");
    let is_edited =
        resolved["edit"]["documentChanges"][0]["edits"][0]["newText"].as_str().unwrap_or("").contains("int16");
    let is_told =
        client.heard("window/showMessage").iter().any(|m| m["message"].as_str().unwrap().contains("would not"));
    assert!(is_edited || is_told, "{resolved}");
}

#[test]
fn the_smallest_set_is_searched_when_it_is_picked() {
    let mut client = Client::with(editor(&["edit"]));
    let text = DIGITS.replace("layer-nsr = \"3%\"", "layer-nsr = \"90%\"\noutput-nsr = \"1%\"");
    client.open(&text);
    client.published(|d| codes(d).first() == Some(&"E001"));
    let unmeasured = action(&mut client, 3, "Find the smallest set of int16 layers");
    assert_eq!((unmeasured.get("edit"), unmeasured.get("command")), (None, None));
    let resolved = client.request("codeAction/resolve", unmeasured).unwrap();
    client.change(2, &edited(&text, &resolved["edit"]));
    client.published(|d| d.is_empty());
}

#[test]
fn an_action_without_effect_has_no_edit_and_shows_a_message() {
    let mut client = Client::with(editor(&["edit"]));
    let text = DIGITS.replace("layer-nsr = \"3%\"", "layer-nsr = \"90%\"\noutput-nsr = \"0%\"");
    client.open(&text);
    client.published(|d| codes(d).first() == Some(&"E001"));
    let unmeasured = action(&mut client, 3, "Find the smallest set of int16 layers");
    let resolved = client.request("codeAction/resolve", unmeasured).unwrap();
    assert_eq!(resolved.get("edit"), None);
    let told = |m: &Value| m["params"]["message"].as_str().is_some_and(|t| t.starts_with("No set of int16 layers"));
    client.told(|m| m["method"] == "window/showMessage" && told(m));
}

#[test]
fn an_action_of_an_older_text_is_refused() {
    let mut client = Client::with(editor(&["edit"]));
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let unmeasured = action(&mut client, 9, "Set `/down/down.0/Conv` to int8");
    client.change(2, &format!("{DIGITS}# more\n"));
    let error = client.request("codeAction/resolve", unmeasured).unwrap_err();
    assert_eq!(error["code"], CONTENT_MODIFIED);
}

#[test]
fn an_edit_cancels_an_obsolete_measurement() {
    let mut client = Client::with(editor(&["edit"]));
    many_samples(client.folder.path(), 60_000);
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let slow = DIGITS.replace("calib.npz\"", "many.npy\"\nsamples = 60000");
    let mut unmeasured = action(&mut client, 9, "Set `/down/down.0/Conv` to int8");
    client.change(2, &slow);
    unmeasured["data"]["version"] = json!(2);
    let measured = client.ask("codeAction/resolve", unmeasured);
    client.listen(Duration::from_millis(200));
    client.change(3, DIGITS);
    assert_eq!(client.answer(measured).unwrap_err()["code"], CONTENT_MODIFIED);
}

#[test]
fn an_action_that_is_not_from_espq_is_refused() {
    let mut client = Client::with(editor(&["edit"]));
    for data in [json!(null), json!({ "uri": "file:///not/open", "version": 1 })] {
        let error = client.request("codeAction/resolve", json!({ "title": "a", "data": data })).unwrap_err();
        assert_eq!(error["code"], -32602);
    }
}
