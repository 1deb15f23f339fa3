//! Tests of the list of layers as a document of its own, and of the actions that accept a finding.

use serde_json::{Value, json};

use crate::client::{Client, codes, edited};
use crate::{DIGITS, editor};

/// An editor with everything that this extension's clients announce.
fn full() -> Value {
    let mut capabilities = editor();
    capabilities["experimental"] = json!({ "layerList": true, "rulePages": true, "commands": true });
    capabilities["textDocument"]["publishDiagnostics"] =
        json!({ "relatedInformation": true, "codeDescriptionSupport": true });
    capabilities
}

fn actions(client: &mut Client, uri: &str, line: u64, only: Option<&str>) -> Vec<Value> {
    let at = json!({ "line": line, "character": 0 });
    let mut context = json!({ "diagnostics": [] });
    if let Some(kind) = only {
        context["only"] = json!([kind]);
    }
    let params = json!({ "textDocument": { "uri": uri }, "range": { "start": at, "end": at }, "context": context });
    client.request("textDocument/codeAction", params).unwrap().as_array().unwrap().clone()
}

fn titles(actions: &[Value]) -> Vec<&str> {
    actions.iter().map(|action| action["title"].as_str().unwrap()).collect()
}

#[test]
fn the_list_has_the_findings_and_fixes_of_its_layers() {
    let mut client = Client::with(full());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.offered(3, "Set `/block1/depthwise/depthwise.0/Conv` to int16: output error ");
    let list = client.request("espq/layers", json!({ "uri": client.uri() })).unwrap();
    let uri = list["uri"].as_str().unwrap().to_string();
    let document = json!({ "uri": uri, "languageId": "plaintext", "version": 1, "text": list["text"] });
    client.notify("textDocument/didOpen", json!({ "textDocument": document }));
    let told = client.told(|m| {
        m["method"] == "textDocument/publishDiagnostics"
            && m["params"]["uri"] == uri.as_str()
            && m["params"]["diagnostics"] != json!([])
    });
    let found = &told["params"]["diagnostics"][0];
    let over = list["layers"].as_array().unwrap().iter().find(|layer| layer["isOver"] == true).unwrap();
    assert_eq!((&found["range"]["start"]["line"], &found["code"]), (&over["line"], &json!("E002")));
    assert_eq!(found["range"]["end"]["character"], over["name"].as_str().unwrap().len());
    assert_eq!(found["relatedInformation"][0]["location"]["range"]["start"]["line"], 3);
    assert_eq!(found["codeDescription"]["href"], "espq-rule:/E002.md");

    let line = over["line"].as_u64().unwrap();
    let offered = actions(&mut client, &uri, line, None);
    assert!(titles(&offered)[0].contains("` to int16: output error "), "{offered:?}");
    let fixed = edited(DIGITS, &offered[0]["edit"]);
    assert!(fixed.contains(&format!("\"{}\" = \"int16\"", over["name"].as_str().unwrap())), "{fixed}");
    assert_eq!(actions(&mut client, &uri, 0, None), Vec::<Value>::new());

    let hover = json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": 3 } });
    let hover = client.request("textDocument/hover", hover).unwrap();
    assert!(hover["contents"]["value"].as_str().unwrap().contains(over["name"].as_str().unwrap()), "{hover}");
    assert!(list["verdict"]["text"].as_str().unwrap().starts_with("output "), "{list}");

    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    client.hear(|m| m["params"]["uri"] == uri.as_str() && m["params"]["diagnostics"] == json!([])).unwrap();
}

#[test]
fn layers_of_a_finding_lead_to_their_lines_in_the_list() {
    let mut client = Client::with(full());
    client.open(&DIGITS.replace("layer-nsr = \"3%\"", "layer-nsr = \"90%\"\noutput-nsr = \"1%\""));
    let found = client.published(|d| {
        codes(d).first() == Some(&"E001")
            && d[0]["relatedInformation"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["location"]["uri"].as_str().unwrap().starts_with("espq:")))
    });
    let list = client.request("espq/layers", json!({ "uri": client.uri() })).unwrap();
    let first = &found[0]["relatedInformation"][0];
    let line = first["location"]["range"]["start"]["line"].as_u64().unwrap() as usize;
    let name = list["text"].as_str().unwrap().lines().nth(line).unwrap().split(' ').next().unwrap();
    assert!(first["message"].as_str().unwrap().contains(name), "{first}");
}

#[test]
fn a_finding_is_ignored_with_a_reason_or_accepted_with_a_limit() {
    let mut client = Client::with(full());
    let text = DIGITS.replace("[limits]", "metod = \"kl\"\n[limits]");
    client.open(&text);
    client.published(|d| codes(d).contains(&"C003"));
    let uri = client.uri();
    let offered = actions(&mut client, &uri, 11, None);
    let ignore = offered.iter().find(|a| a["title"].as_str().unwrap().starts_with("Ignore ")).unwrap();
    assert_eq!(ignore["command"]["command"], "espq.selectReason");
    let ignored = edited(&text, &ignore["edit"]);
    let code = ignore["diagnostics"][0]["code"].as_str().unwrap().to_string();
    assert!(ignored.contains(&format!("metod = \"kl\"  # espq: ignore[{code}] reason\n")), "{ignored}");

    client.change(2, DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    client.offered(3, "Set `/block1/depthwise/depthwise.0/Conv` to int16: output error ");
    let accept = client.offered(3, "Accept 4.05% of `/block1/depthwise/depthwise.0/Conv`")[0].clone();
    assert!(accept["title"].as_str().unwrap().ends_with(": limit 4.5% in [limits.layers]"), "{accept}");
    client.change(3, &edited(DIGITS, &accept["edit"]));
    client.published(|d| d.is_empty());
}

#[test]
fn all_safe_fixes_are_one_action_as_with_fix() {
    let mut client = Client::with(editor());
    let text = DIGITS
        .replace("\"/down/down.0/Conv\" = \"int16\"", "\"/down/down.0/Conv\" = \"int16\"  # espq: ignore[C002] gone");
    client.open(&text);
    client.published(|d| codes(d).contains(&"C008"));
    let uri = client.uri();
    let all = actions(&mut client, &uri, 0, Some("source.fixAll"));
    assert_eq!((all.len(), all[0]["kind"].as_str()), (1, Some("source.fixAll.espq")));
    assert_eq!(edited(&text, &all[0]["edit"]), DIGITS);
    assert!(actions(&mut client, &uri, 9, None).iter().all(|a| a["kind"] != "source.fixAll.espq"));

    // The command line does the same to the file.
    std::fs::write(client.path(), &text).unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_espq"))
        .args(["lint", "--static", "--fix", "--no-cache"])
        .current_dir(client.folder.path())
        .output()
        .unwrap();
    assert_eq!(std::fs::read_to_string(client.path()).unwrap(), DIGITS, "{status:?}");
}

#[test]
fn tokens_tell_tables_keys_layers_and_values_apart() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    let of = json!({ "textDocument": { "uri": client.uri() } });
    let tokens = client.request("textDocument/semanticTokens/full", of).unwrap();
    let types = ["namespace", "property", "function", "enumMember", "number", "string"];
    let (mut line, mut column, mut shown) = (0usize, 0usize, Vec::new());
    for token in tokens["data"].as_array().unwrap().chunks(5) {
        let token: Vec<usize> = token.iter().map(|n| n.as_u64().unwrap() as usize).collect();
        column = if token[0] == 0 { column + token[1] } else { token[1] };
        line += token[0];
        let word = &DIGITS.lines().nth(line).unwrap()[column..column + token[2]];
        shown.push(format!("{word} {}", types[token[3]]));
    }
    assert_eq!(
        shown,
        [
            "model namespace",
            "path property",
            "\"model.onnx\" string",
            "target property",
            "\"esp32s3\" enumMember",
            "precision property",
            "\"int8\" enumMember",
            "calibration namespace",
            "data property",
            "\"calib.npz\" string",
            "precision namespace",
            "\"/down/down.0/Conv\" function",
            "\"int16\" enumMember",
            "limits namespace",
            "layer-nsr property",
            "\"3%\" number",
        ]
    );
    let range = json!({ "start": { "line": 9, "character": 0 }, "end": { "line": 9, "character": 5 } });
    let params = json!({ "textDocument": { "uri": client.uri() }, "range": range });
    let some = client.request("textDocument/semanticTokens/range", params).unwrap();
    assert_eq!(some["data"], json!([9, 0, 19, 2, 0]));
}

#[test]
fn lenses_of_the_editors_own_commands_need_an_editor_that_has_them() {
    for (capabilities, expected) in [
        (editor(), vec!["espq.export", "espq.smallestSet"]),
        (full(), vec!["espq.export", "espq.smallestSet", "espq.reportDocument", "espq.optimizeDocument"]),
    ] {
        let mut client = Client::with(capabilities);
        client.open(DIGITS);
        let of = json!({ "textDocument": { "uri": client.uri() } });
        let lenses = client.request("textDocument/codeLens", of).unwrap();
        let commands: Vec<&str> =
            lenses.as_array().unwrap().iter().map(|l| l["command"]["command"].as_str().unwrap()).collect();
        assert!(commands.ends_with(&expected) && commands.len() <= expected.len() + 1, "{commands:?}");
    }
}
