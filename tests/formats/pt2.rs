//! Programs of PyTorch, from the float outputs to the exported file, and programs that espq does not read.
//!
//! `fixtures/pt2.py` makes the models; outputs are PyTorch's. `tests/parity.rs` compares names and figures with esp-ppq's.

use std::path::Path;

use espq::model::{self, Dialect};
use espq::simplify::simplify;
use prost::bytes::Bytes;

use crate::suite::{Suite, espq};

const SUITE: Suite = Suite { format: "pt2", dialect: Dialect::Onnx, sides: [1, 1, 16, 16] };

const READ: [&str; 15] = [
    "attention",
    "decomposed",
    "free-batch",
    "free-sides",
    "kws",
    "mobile",
    "odd",
    "recurrent",
    "shuffle",
    "standardized",
    "state",
    "transformer",
    "unet",
    "windows",
    "written",
];

#[test]
fn float_outputs_are_pytorchs() {
    for case in READ {
        SUITE.outputs_agree(case);
    }
}

/// Layers of a case in their order, simplified.
fn layers(case: &str) -> Vec<String> {
    let graph = simplify(SUITE.read(case)).unwrap().graph;
    graph.nodes.iter().map(|node| format!("{} {}", node.op, node.name)).collect()
}

#[test]
fn layers_have_the_names_of_pytorchs_exporter() {
    insta::assert_snapshot!(layers("transformer").join("\n"));
    // A free batch, and a program that was decomposed, change no name of a layer that is there.
    assert_eq!(layers("free-batch"), layers("mobile"));
    let (whole, parts) = (layers("mobile"), layers("decomposed"));
    assert!(whole.iter().filter(|layer| layer.starts_with("Conv ")).all(|conv| parts.contains(conv)), "{parts:?}");
}

#[test]
fn outputs_of_a_dictionary_have_its_keys_and_inputs_their_arguments() {
    let graph = SUITE.read("odd").graph;
    let names = |ids: &[espq::graph::ValueId]| ids.iter().map(|&id| graph.value(id).name.clone()).collect::<Vec<_>>();
    assert_eq!((names(&graph.inputs), names(&graph.outputs)), (vec!["x".into()], vec!["mean".into(), "map".into()]));
    let graph = SUITE.read("state").graph;
    let inputs: Vec<&str> = graph.inputs.iter().map(|&id| graph.value(id).name.as_str()).collect();
    assert_eq!((inputs, graph.outputs.len()), (vec!["x", "h", "c"], 3));
}

#[test]
fn every_model_is_linted_and_written() {
    for case in READ {
        SUITE.is_linted_and_written(case);
    }
}

#[test]
fn init_begins_a_project() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("net.espq.toml");
    let model = SUITE.model("mobile");
    assert!(espq(&["init", model.to_str().unwrap(), "-o", file.to_str().unwrap()]).status.success());
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("x  1x3x16x16 float32") && written.contains("model.pt2"), "{written}");
}

#[test]
fn what_was_assumed_is_noted() {
    let notes = |case: &str| -> String { SUITE.read(case).graph.notes.iter().map(ToString::to_string).collect() };
    assert!(notes("free-batch").contains("dimension 0"), "{}", notes("free-batch"));
    assert_eq!(notes("mobile"), "");
    let [_, report] = SUITE.reported("free-sides");
    assert!(report.contains("are not fixed: set to 16, 16 from the samples"), "{report}");
}

#[test]
fn programs_that_cannot_run_are_refused_with_what_to_do() {
    let refusal = |case: &str| SUITE.reported(case)[0].clone();
    for (case, what, help) in [
        ("training", "exported in training mode", "model.eval() before"),
        ("stateful", "buffer 'last'", "give the state as an input"),
        ("batch-of-two", "batch 2, from input 'x'", "export with batch 1"),
    ] {
        let said = refusal(case);
        assert!(said.contains(what) && said.contains(help), "{case}: {said}");
        SUITE.is_a_finding(case);
    }
}

#[test]
fn unknown_operators_are_named_all_at_once_with_the_users_own_lines() {
    let linted = espq(&["lint", "--no-cache", "--format", "json", SUITE.folder("unknown").to_str().unwrap()]);
    let found: serde_json::Value = serde_json::from_slice(&linted.stdout).unwrap();
    let said: Vec<&str> = found.as_array().unwrap().iter().filter_map(|f| f["message"].as_str()).collect();
    let has = |words: &[&str]| said.iter().any(|message| words.iter().all(|word| message.contains(word)));
    assert!(has(&["aten.grid_sampler.default", "module 'warp'", "pt2.py:", "F.grid_sample(x, grid"]), "{said:?}");
    assert!(has(&["aten.col2im.default", "module 'fold'"]), "{said:?}");
}

#[test]
fn damaged_files_are_refused() {
    SUITE.damaged_files_are_refused("recurrent", "not an archive of torch.export");
}

#[test]
fn an_archive_is_recognized_under_another_name() {
    let bytes: Bytes = std::fs::read(SUITE.model("kws")).unwrap().into();
    assert_eq!(model::import(Path::new("net.onnx"), &bytes.into()).unwrap().graph, SUITE.read("kws").graph);
}

/// Returns the archive of a case with changed entries; `None` leaves one out.
fn changed(case: &str, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Bytes {
    use std::io::{Read, Write};
    let bytes = std::fs::read(SUITE.model(case)).unwrap();
    let mut old = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut new = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for index in 0..old.len() {
        let mut entry = old.by_index(index).unwrap();
        let (name, mut data) = (entry.name().unwrap().into_owned(), Vec::new());
        entry.read_to_end(&mut data).unwrap();
        let Some(data) = change(&name, data) else { continue };
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        new.start_file(name, stored).unwrap();
        new.write_all(&data).unwrap();
    }
    new.finish().unwrap().into_inner().into()
}

#[test]
fn archives_of_other_versions_and_kinds_are_named() {
    let replaced = |entry: &'static str, from: &'static str, to: &'static str| {
        changed("recurrent", move |name, data| {
            let text = String::from_utf8_lossy(&data).replace(from, to);
            Some(if name.ends_with(entry) { text.into_bytes() } else { data })
        })
    };
    let compiled = changed("recurrent", |name, data| (!name.contains("/models/")).then_some(data));
    for (bytes, what, help) in [
        (replaced("model.json", "\"major\": 8", "\"major\": 9"), "version 9.", "update espq"),
        (replaced("model.json", "\"major\": 8", "\"major\": 7"), "version 7.", "PyTorch 2.8 or later"),
        (
            replaced("weights_config.json", "\"use_pickle\": false", "\"use_pickle\": true"),
            "is a pickle",
            "float model",
        ),
        (replaced("byteorder", "little", "big"), "big-endian", ""),
        (replaced("model.json", "aten.gru.input", "higher_order.cond"), "cond is not supported", "without torch.cond"),
        (
            replaced("model.json", "aten.gru.input", "mine.fancy.default"),
            "not one of PyTorch's own",
            "replace the layer",
        ),
        (compiled, "no program of torch.export", "torch.export.save"),
    ] {
        let error = model::import(Path::new("net.pt2"), &bytes.into()).unwrap_err();
        assert!(error.what().contains(what), "{error}");
        assert!(error.help().is_some_and(|said| said.contains(help)) || help.is_empty(), "{error}");
    }
}

#[test]
fn hostile_archives_are_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/pt2");
    for (name, what) in [
        ("bomb", "is compressed"),
        ("entry-outside", "leaves the archive"),
        ("path-outside", "is missing"),
        ("strides-of-zero", "far more elements than the file"),
        ("deep", "EOF while parsing"),
    ] {
        let bytes = std::fs::read(corpus.join(format!("{name}.pt2"))).unwrap();
        let error = model::import(Path::new("net.pt2"), &Bytes::from(bytes).into()).unwrap_err();
        assert!(error.what().contains(what), "{name}: {error}");
    }
}
