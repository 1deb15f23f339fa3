//! Tests of `espq lsp` over its pipes, with well-behaved and misbehaving clients.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

mod client;
mod figures;
mod lifecycle;
mod list;
#[cfg(target_os = "linux")]
mod opens;
mod resolve;
#[cfg(target_os = "linux")]
mod supervisor;
mod workspace;

use std::path::Path;
use std::time::Duration;

use client::{Client, codes, edited};
use serde_json::{Value, json};

/// Project with two layers over the limit: one has its own line, the other's finding is at `precision`.
const DIGITS: &str = r#"[model]
path = "model.onnx"
target = "esp32s3"
precision = "int8"

[calibration]
data = "calib.npz"

[precision]
"/down/down.0/Conv" = "int16"

[limits]
layer-nsr = "3%"
"#;

fn editor() -> Value {
    json!({
        "workspace": { "workspaceEdit": { "documentChanges": true }, "applyEdit": true },
        "textDocument": { "publishDiagnostics": { "relatedInformation": true }, "codeAction": {} },
    })
}

fn layer(diagnostic: &Value) -> &str {
    let message = diagnostic["message"].as_str().unwrap();
    message.split_once("layer ").unwrap().1.split(' ').next().unwrap()
}

#[test]
fn a_finding_is_fixed_and_the_files_are_exported() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    let over = client.published(|d| codes(d) == ["E002"]);
    assert_eq!(over[0]["severity"], 2);
    assert_eq!(over[0]["source"], "espq");
    let layer = layer(&over[0]).to_string();

    // The finding is on the line of `precision`.
    let actions = client.offered(3, "Set `/block1/depthwise/depthwise.0/Conv` to int16: output error ");
    let title = actions[0]["title"].as_str().unwrap();
    assert!(title.contains("` to int16: output error ") && title.contains(" KB flash"), "{title}");
    assert_eq!(actions[0]["diagnostics"][0]["code"], "E002");
    let fixed = edited(DIGITS, &actions[0]["edit"]);
    assert!(fixed.contains(&format!("\"{layer}\" = \"int16\"")), "{fixed}");

    client.change(2, &fixed);
    client.published(|d| d.is_empty());
    let written = client.command("espq.export").unwrap();
    assert_eq!(written["files"].as_array().unwrap().len(), 3);
    for ending in ["espdl", "info", "json"] {
        assert!(client.path().with_file_name(format!("model.{ending}")).is_file());
    }
    client.told(|m| {
        m["method"] == "window/showMessage"
            && m["params"]["message"].as_str().unwrap().starts_with("Exported model.espdl")
    });
}

#[test]
fn an_export_over_the_limit_says_so() {
    let mut client = Client::with(editor());
    client.open(&DIGITS.replace("layer-nsr = \"3%\"", "output-nsr = \"1%\""));
    client.command("espq.export").unwrap();
    let is_said = |text: &str| text.starts_with("Exported model.espdl") && text.contains(" But output `");
    client.told(|m| m["method"] == "window/showMessage" && is_said(m["params"]["message"].as_str().unwrap()));
}

#[test]
fn code_action_edits_are_versioned() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let actions = client.offered(3, "Set `/block1/depthwise/depthwise.0/Conv` to int16: output error ");
    let change = &actions[0]["edit"]["documentChanges"][0]["textDocument"];
    assert_eq!(*change, json!({ "uri": client.uri(), "version": 1 }));
}

#[test]
fn going_back_to_int8_shows_its_effect() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let actions = client.offered(9, "Set `/down/down.0/Conv` to int8: output error ");
    let title = actions[0]["title"].as_str().unwrap();
    assert!(title.starts_with("Set `/down/down.0/Conv` to int8: output error "), "{title}");
    assert!(title.contains(", -"), "it takes less flash: {title}");
    assert_eq!(actions[0]["kind"], "refactor.rewrite");
    assert!(edited(DIGITS, &actions[0]["edit"]).contains("\"/down/down.0/Conv\" = \"int8\""));
}

#[test]
fn the_smallest_set_is_searched_on_demand() {
    let mut client = Client::with(editor());
    let text = DIGITS.replace("layer-nsr = \"3%\"", "layer-nsr = \"90%\"\noutput-nsr = \"1%\"");
    client.open(&text);
    client.published(|d| codes(d).first() == Some(&"E001"));
    let actions = client.offered(3, "Find the smallest set");
    assert_eq!(actions[0]["command"]["command"], "espq.smallestSet", "{actions:?}");
    let done = client.command("espq.smallestSet").unwrap();
    assert!(done["title"].as_str().unwrap().contains(" to int16: output error "), "{done}");
    let applied = client.heard("workspace/applyEdit")[0]["edit"].clone();
    client.change(2, &edited(&text, &applied));
    client.published(|d| d.is_empty());
}

#[test]
fn actions_are_returned_in_time_with_many_unmeasured_layers() {
    let mut client = Client::with(editor());
    many_samples(client.folder.path(), 4000);
    let slow = DIGITS.replace("data = \"calib.npz\"", "data = \"many.npy\"\nsamples = 4000");
    client.open(&slow.replace("\"3%\"", "\"0%\""));
    client.published(|d| codes(d).iter().filter(|c| **c == "E002").count() > 4);
    let asked = std::time::Instant::now();
    client.actions(3);
    // The limit is 1.5 s for all of them together, plus time for a loaded machine.
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn several_lines_go_back_to_int8_by_name() {
    let mut client = Client::with(editor());
    let text = DIGITS.replace("[limits]", "\"/classifier/Gemm\" = \"int16\"\n\n[limits]");
    client.open(&text);
    client.published(|d| codes(d) == ["E002"]);
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 14, "character": 0 } });
    let params = json!({
        "textDocument": { "uri": client.uri() },
        "range": range,
        "context": { "diagnostics": [], "only": ["refactor"] },
    });
    let actions = client.request("textDocument/codeAction", params).unwrap();
    let titles: Vec<&str> = actions.as_array().unwrap().iter().map(|a| a["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(
        titles[0].starts_with("Set `/down/down.0/Conv` to int8")
            && titles[1].starts_with("Set `/classifier/Gemm` to int8"),
        "{titles:?}"
    );
}

#[test]
fn typos_and_all_safe_fixes_have_actions() {
    let mut client = Client::with(editor());
    let text = DIGITS.replace("/down/down.0/Conv", "/down/down.0/Cnv");
    client.open(&text);
    client.published(|d| codes(d).contains(&"C006"));
    let actions = client.actions(9);
    let meant = actions.iter().find(|a| a["title"] == "write \"/down/down.0/Conv\"").unwrap();
    assert_eq!(edited(&text, &meant["edit"]), DIGITS);
}

#[test]
fn static_findings_are_pulled_and_measured_ones_pushed() {
    let mut client = Client::with(json!({ "textDocument": { "diagnostic": {} } }));
    let text = DIGITS.replace("[limits]", "[limits]\nlayer-nrs = 1");
    client.open(&text);
    let document = json!({ "textDocument": { "uri": client.uri() } });
    let pulled = client.request("textDocument/diagnostic", document.clone()).unwrap();
    assert_eq!(pulled["kind"], "full");
    assert_eq!(codes(pulled["items"].as_array().unwrap()), ["C002"]);
    let pushed = client.published(|d| !d.is_empty());
    assert_eq!(codes(&pushed), ["E002"]);

    // Pulled after an edit, diagnostics are those of the edited text.
    client.change(2, DIGITS);
    let pulled = client.request("textDocument/diagnostic", document).unwrap();
    assert_eq!(pulled["items"], json!([]));
}

#[test]
fn positions_use_the_negotiated_encoding() {
    let text = format!("{DIGITS}\n[precision.x] # comment\n").replace("/down/down.0/Conv", "\u{e4}\u{1d11e}");
    let end = |encodings: Value| {
        let mut client = Client::start();
        let general = json!({ "general": { "positionEncodings": encodings } });
        let params = json!({ "processId": null, "rootUri": null, "capabilities": general });
        let answer = client.request("initialize", params).unwrap();
        client.notify("initialized", json!({}));
        client.open(&text.replace("\n[precision.x] # comment\n", ""));
        let found = client.published(|d| codes(d).contains(&"C006"));
        let layer = found.iter().find(|d| d["code"] == "C006").unwrap();
        (answer["capabilities"]["positionEncoding"].clone(), layer["range"]["end"]["character"].clone())
    };
    assert_eq!(end(json!(["utf-8", "utf-16"])), (json!("utf-8"), json!(8)));
    assert_eq!(end(json!(["utf-32"])), (json!("utf-32"), json!(4)));
    assert_eq!(end(json!(null)), (json!("utf-16"), json!(5)));
}

#[test]
fn hover_shows_figures_and_documentation() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.offered(3, "Set `/block1/depthwise/depthwise.0/Conv` to int16: output error "); // the figures are there once the fixes are
    let words = |value: Value| value["contents"]["value"].as_str().unwrap_or_default().to_string();
    let layer = words(client.at("textDocument/hover", 9, 5));
    assert!(layer.starts_with("**Conv** `/down/down.0/Conv` at int16"), "{layer}");
    assert!(layer.contains("layerwise NSR") && layer.contains("exponent"), "{layer}");
    assert!(words(client.at("textDocument/hover", 2, 2)).starts_with("The chip"));
    assert!(words(client.at("textDocument/hover", 2, 12)).contains("ties round up"));
    assert!(words(client.at("textDocument/hover", 5, 3)).contains("samples"));
    assert_eq!(client.at("textDocument/hover", 4, 0), Value::Null);
}

#[test]
fn completion_offers_keys_values_and_layers() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.offered(3, "Set `/block1/depthwise/depthwise.0/Conv` to int16: output error ");
    let mut labels = |text: String, line: usize, character: usize| -> Vec<String> {
        static VERSION: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(2);
        client.change(VERSION.fetch_add(1, std::sync::atomic::Ordering::Relaxed), &text);
        let items = client.at("textDocument/completion", line, character);
        items.as_array().unwrap().iter().map(|i| i["label"].as_str().unwrap().to_string()).collect()
    };
    assert!(labels(DIGITS.replace("target = \"esp32s3\"", "target = \""), 2, 10).contains(&"esp32p4".to_string()));
    assert_eq!(
        labels(DIGITS.replace("target = \"esp32s3\"", "t"), 2, 1),
        ["path", "input-shape", "outputs", "inputs", "target", "precision", "quantization"]
    );
    assert!(labels(DIGITS.replace("[limits]", "[lim"), 11, 4).contains(&"limits".to_string()));
    assert_eq!(labels(DIGITS.replace("path = \"model.onnx\"", "path = \""), 1, 8), ["model.onnx", "cache/"]);
    let layers = labels(format!("{}\"", DIGITS.replace("[limits]\nlayer-nsr = \"3%\"\n", "")), 11, 1);
    assert!(!layers.contains(&"/down/down.0/Conv".to_string()), "it has its line already: {layers:?}");
    assert!(layers[0].contains("Conv"), "the one with the largest error is the first: {layers:?}");
}

#[test]
fn late_versions_and_unknown_documents_change_nothing() {
    let mut client = Client::with(editor());
    client.change(7, DIGITS);
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.change(5, &DIGITS.replace("3%", "90%"));
    client.change(4, &DIGITS.replace("\"calib.npz\"", "\"gone.npz\""));
    client.published(|d| d.is_empty());
    client.listen(Duration::from_millis(300));
    let last = client.heard("textDocument/publishDiagnostics").last().map(|p| p["diagnostics"].clone());
    assert_eq!(last, Some(json!([])));
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": "file:///not/open.espq.toml" } }));
    assert!(
        client
            .request(
                "textDocument/hover",
                json!({ "textDocument": { "uri": "file:///not/open" }, "position": { "line": 0, "character": 0 } })
            )
            .unwrap()
            .is_null()
    );
}

#[test]
fn malformed_messages_are_answered_and_the_server_continues() {
    let mut client = Client::start();
    let early = client.request("textDocument/hover", json!({})).unwrap_err();
    assert_eq!(early["code"], -32002, "not initialized");
    client.request("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {} })).unwrap();
    client.notify("initialized", json!({}));

    for (body, code) in [("{\"cut\": 1", -32700), ("{\"not\": 1}", -32600), ("[]", -32600)] {
        client.send_raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        assert!(client.hear(|m| m["id"].is_null() && m["error"]["code"] == code).is_some());
    }
    client.send_raw(b"no header\r\n\r\n");
    assert_eq!(client.request("textDocument/hover", json!({ "position": 1 })).unwrap_err()["code"], -32602);
    assert_eq!(client.request("espq/unheard", json!({})).unwrap_err()["code"], -32601);
    let command = json!({ "command": "espq.export", "arguments": [1] });
    assert_eq!(client.request("workspace/executeCommand", command).unwrap_err()["code"], -32602);
    client.notify("textDocument/didChange", json!({ "textDocument": 3 }));
    client.notify("$/unheard", json!([]));
    client.send(&json!({ "jsonrpc": "2.0", "id": "nobody asked", "result": null }));

    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
}

#[test]
fn a_publication_follows_every_version() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    let found = client.published(|d| codes(d) == ["E002"]);
    for version in 2..=9 {
        client.change(version, &format!("{DIGITS}# comment {version}\n"));
        let published =
            client.hear(|m| m["method"] == "textDocument/publishDiagnostics" && m["params"]["version"] == version);
        assert_eq!(published.unwrap()["params"]["diagnostics"], json!(found), "nothing has changed");
    }
}

#[test]
fn errors_of_the_text_are_published_at_once() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.change(2, &DIGITS.replace("precision = \"int8\"", "precison = \"int8\""));
    let first = client.hear(|m| m["method"] == "textDocument/publishDiagnostics" && m["params"]["version"] == 2);
    let first = first.unwrap()["params"]["diagnostics"].clone();
    assert!(codes(first.as_array().unwrap()).contains(&"C002"), "{first}");
}

#[test]
fn an_edit_during_a_measurement_replaces_its_results() {
    let mut client = Client::with(editor());
    many_samples(client.folder.path(), 4000);
    let slow = DIGITS.replace("data = \"calib.npz\"", "data = \"many.npy\"\nsamples = 4000");
    client.open(&slow);
    std::thread::sleep(Duration::from_millis(400));
    client.change(2, &slow.replace("many.npy", "calib.npz").replace("samples = 4000", "samples = 24"));
    client.published(|d| codes(d) == ["E002"]);
    client.listen(Duration::from_millis(500));
    let versions: Vec<i64> =
        client.heard("textDocument/publishDiagnostics").iter().map(|p| p["version"].as_i64().unwrap()).collect();
    assert!(versions.is_sorted(), "{versions:?}");
}

#[test]
fn of_a_thousand_edits_the_last_one_wins_and_memory_stays_flat() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let text = |n: i32| DIGITS.replace("\"3%\"", &format!("\"{}.{n:03}%\"", 3 + n % 7));
    let mut version = 1;
    let mut burst = |client: &mut Client, last: &str| {
        for n in 0..999 {
            version += 1;
            client.change(version, &text(n));
        }
        version += 1;
        client.change(version, last);
    };
    burst(&mut client, &DIGITS.replace("3%", "95%"));
    client.published(|d| d.is_empty());
    let before = resident(&client);
    for _ in 0..3 {
        burst(&mut client, &DIGITS.replace("data = \"calib.npz\"", "data = 7"));
        client.published(|d| codes(d).contains(&"C003"));
        burst(&mut client, &DIGITS.replace("3%", "95%"));
        client.published(|d| d.is_empty());
    }
    let after = resident(&client);
    assert!(after < before + (48 << 20), "from {before} to {after} bytes");
}

/// Returns the server's resident memory.
#[cfg(target_os = "linux")]
fn resident(client: &Client) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{}/status", client.server().unwrap())).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Other systems have no such file.
#[cfg(not(target_os = "linux"))]
fn resident(_: &Client) -> usize {
    0
}

#[test]
fn progress_is_shown_and_its_button_stops_the_work() {
    let mut client = Client::with(json!({ "window": { "workDoneProgress": true } }));
    many_samples(client.folder.path(), 60_000);
    client.open(&DIGITS.replace("data = \"calib.npz\"", "data = \"many.npy\"\nsamples = 60000"));
    let begun = client.hear(|m| m["method"] == "$/progress").unwrap();
    assert_eq!(begun["params"]["value"]["kind"], "begin");
    assert_eq!(begun["params"]["value"]["cancellable"], true);
    assert_eq!(begun["params"]["value"]["title"], "espq: espq.toml");
    client.hear(|m| m["params"]["value"]["message"].as_str().is_some_and(|t| t.starts_with("calibrating"))).unwrap();
    client.notify("window/workDoneProgress/cancel", json!({ "token": begun["params"]["token"] }));
    client.hear(|m| m["params"]["value"]["kind"] == "end").unwrap();
    client.listen(Duration::from_millis(500));
    let published = client.heard("textDocument/publishDiagnostics");
    // Samples that are equal are found without a measurement.
    let is_measured =
        |p: &&Value| codes(p["diagnostics"].as_array().unwrap()).iter().any(|code| !["S005", "E003"].contains(code));
    assert!(!published.iter().any(is_measured), "{published:?}");

    // The next edit is processed.
    client.change(2, DIGITS);
    client.published(|d| codes(d) == ["E002"]);
}

/// Makes samples `[count, 1, 8, 8]` of float32.
fn many_samples(folder: &Path, count: usize) {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 1, 8, 8), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..count * 64).flat_map(|i| ((i * 7919 % 17) as f32 / 16.0).to_le_bytes()));
    std::fs::write(folder.join("many.npy"), bytes).unwrap();
}

#[test]
fn changed_samples_on_disk_are_read_again() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let samples = client.folder.path().join("calib.npz");
    std::fs::rename(&samples, client.folder.path().join("aside")).unwrap();
    client.published(|d| codes(d).contains(&"C005"));
    std::fs::rename(client.folder.path().join("aside"), &samples).unwrap();
    client.published(|d| codes(d) == ["E002"]);
}

#[test]
fn a_client_that_watches_files_is_used() {
    let mut client = Client::with(json!({
        "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } },
        "textDocument": { "diagnostic": {} },
    }));
    let asked = client.told(|m| m["method"] == "client/registerCapability");
    assert_eq!(asked["params"]["registrations"][0]["method"], "workspace/didChangeWatchedFiles");
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let samples = client.folder.path().join("calib.npz");
    std::fs::remove_file(&samples).unwrap();
    let uri = format!("file://{}", samples.display());
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri, "type": 3 }] }));
    client.hear(|m| m["method"] == "workspace/diagnostic/refresh").unwrap();
    let document = json!({ "textDocument": { "uri": client.uri() } });
    let pulled = client.request("textDocument/diagnostic", document).unwrap();
    assert_eq!(codes(pulled["items"].as_array().unwrap()), ["C005"]);
}

#[test]
fn an_unsupported_model_is_not_exported_and_the_reason_is_named() {
    let mut client = Client::with(editor());
    client.open(&DIGITS.replace("precision = \"int8\"", "precision = \"w8a16\""));
    client.published(|_| true);
    let error = client.command("espq.export").unwrap_err();
    assert!(error["message"].as_str().unwrap().starts_with("export refused: "), "{error}");
    assert!(!client.path().with_file_name("model.espdl").exists());

    client.change(2, &DIGITS.replace("target = \"esp32s3\"", "target = \"esp33\""));
    let error = client.command("espq.export").unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("esp33"), "{error}");
}

#[test]
fn closing_a_document_removes_its_diagnostics() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    let uri = client.uri();
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    client.published(|d| d.is_empty());
}
