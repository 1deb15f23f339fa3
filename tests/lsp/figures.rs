//! Tests of figures in the text, of its outline, and of the list of layers.

use serde_json::{Value, json};

use crate::DIGITS;
use crate::client::{Client, codes};

fn editor() -> Value {
    json!({
        "workspace": { "inlayHint": { "refreshSupport": true }, "codeLens": { "refreshSupport": true } },
        "experimental": { "layerList": true },
    })
}

/// Opens the project and waits for its own figures, all of them measured, and the times.
fn measured() -> Client {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    for _ in 0..1000 {
        let list = client.request("espq/layers", json!({ "uri": client.uri() })).unwrap();
        let text = list["text"].as_str().unwrap_or_default();
        let is_complete = text.contains('%') && text.contains("  ms  ");
        if is_complete && !text.contains("recalibrating") && !text.contains('≈') {
            return client;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no figures");
}

fn asked(client: &mut Client, method: &str) -> Value {
    let uri = client.uri();
    client.request(method, json!({ "textDocument": { "uri": uri } })).unwrap()
}

fn texts<'v>(items: &'v Value, pointer: &str) -> Vec<&'v str> {
    items.as_array().unwrap().iter().filter_map(|item| item.pointer(pointer)?.as_str()).collect()
}

#[test]
fn hints_stand_behind_precisions_and_limits() {
    let mut client = measured();
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let params = json!({ "textDocument": { "uri": client.uri() }, "range": range });
    let mut hints = client.request("textDocument/inlayHint", params.clone()).unwrap();
    // What a line adds is measured after the figures have been published.
    for _ in 0..1000 {
        if texts(&hints, "/label").iter().any(|label| label.contains(" KB flash, ")) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        hints = client.request("textDocument/inlayHint", params.clone()).unwrap();
    }
    insta::assert_json_snapshot!(hints, { "[].tooltip" => "" });
    let labels = texts(&hints, "/label");
    assert!(labels.iter().any(|label| label.contains(" KB flash, ") && label.ends_with(" ms")), "{labels:?}");
}

#[test]
fn the_list_has_the_time_of_each_layer() {
    let mut client = measured();
    let list = client.request("espq/layers", json!({ "uri": client.uri() })).unwrap();
    let layers = list["layers"].as_array().unwrap();
    let timed = layers.iter().filter(|layer| layer["milliseconds"].as_f64().is_some_and(|ms| ms > 0.0)).count();
    assert!(timed > layers.len() / 2, "{list}");
    let head = list["text"].as_str().unwrap().lines().nth(1).unwrap();
    assert!(head.contains("  cumulative") && head.contains("  ms  "), "{head}");
}

#[test]
fn hints_stand_beside_limits_on_flash_and_time() {
    let mut client = Client::with(editor());
    client.open(&DIGITS.replace("[limits]\n", "[limits]\nflash = \"1 MB\"\nlatency = \"1 s\"\n"));
    client.published(|d| codes(d) == ["E002"]);
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let params = json!({ "textDocument": { "uri": client.uri() }, "range": range });
    for _ in 0..1000 {
        let hints = client.request("textDocument/inlayHint", params.clone()).unwrap();
        let labels = texts(&hints, "/label");
        if labels.iter().any(|label| label.contains(" KiB")) && labels.iter().any(|label| label.contains(" ms (")) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no hints");
}

#[test]
fn lenses_have_the_error_and_what_can_be_run() {
    let mut client = measured();
    let lenses = asked(&mut client, "textDocument/codeLens");
    assert_eq!(texts(&lenses, "/command/command"), ["espq.analyze", "espq.export", "espq.smallestSet"]);
    let title = lenses[0]["command"]["title"].as_str().unwrap();
    assert!(title.starts_with("✓ output: ") && title.ends_with("% (limit 10%)"), "{title}");
}

#[test]
fn the_outline_has_tables_keys_and_links() {
    let mut client = measured();
    let symbols = asked(&mut client, "textDocument/documentSymbol");
    assert_eq!(texts(&symbols, "/name"), ["model", "calibration", "precision", "limits"]);
    assert_eq!(texts(&symbols[0]["children"], "/name"), ["path", "target", "precision"]);
    let foldings = asked(&mut client, "textDocument/foldingRange");
    let lines: Vec<(u64, u64)> = foldings
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["startLine"].as_u64().unwrap(), f["endLine"].as_u64().unwrap()))
        .collect();
    assert_eq!(lines, [(0, 3), (5, 6), (8, 9), (11, 12)]);
    let links = asked(&mut client, "textDocument/documentLink");
    let targets: Vec<&str> = texts(&links, "/target").iter().map(|t| t.rsplit('/').next().unwrap()).collect();
    assert_eq!(targets, ["model.onnx", "calib.npz"]);
}

#[test]
fn a_layers_name_leads_to_its_line_in_the_list_and_back() {
    let mut client = measured();
    let list = client.request("espq/layers", json!({ "uri": client.uri() })).unwrap();
    let to = client.at("textDocument/definition", 9, 5);
    assert_eq!(to["uri"], list["uri"]);
    let line = to["range"]["start"]["line"].as_u64().unwrap() as usize;
    let text = list["text"].as_str().unwrap();
    let shown = text.lines().nth(line).unwrap();
    assert!(shown.starts_with("/down/down.0/Conv ") && shown.contains(" int16 "), "{text}");
    let listed = list["layers"].as_array().unwrap().iter().find(|layer| layer["line"] == line).unwrap();
    assert_eq!((listed["name"].as_str(), listed["isOver"].as_bool()), (Some("/down/down.0/Conv"), Some(false)));

    let back = client
        .request(
            "textDocument/definition",
            json!({ "textDocument": { "uri": list["uri"] }, "position": to["range"]["start"] }),
        )
        .unwrap();
    assert_eq!((back["uri"].as_str().unwrap(), &back["range"]["start"]["line"]), (&*client.uri(), &json!(9)));
    insta::assert_snapshot!(text);
}

#[test]
fn the_client_is_told_when_figures_change() {
    let mut client = measured();
    client.told(|m| m["method"] == "espq/layersChanged");
    client.told(|m| m["method"] == "workspace/inlayHint/refresh");
    client.told(|m| m["method"] == "workspace/codeLens/refresh");
}

#[test]
fn edits_are_taken_in_parts() {
    let mut client = measured();
    // "int16" becomes "int9".
    let range = json!({ "start": { "line": 9, "character": 26 }, "end": { "line": 9, "character": 28 } });
    let document = json!({ "uri": client.uri(), "version": 2 });
    let params = json!({ "textDocument": document, "contentChanges": [{ "range": range, "text": "9" }] });
    client.notify("textDocument/didChange", params);
    let wrong = client.published(|d| codes(d).contains(&"C003"));
    assert!(wrong.iter().any(|d| d["message"].as_str().unwrap().contains("`int9`")), "{wrong:?}");
}
