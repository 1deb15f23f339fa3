//! TensorFlow Lite's files, from the float outputs to the exported file, and files that espq does not read.
//!
//! `fixtures/tflite.py` makes the models with Keras; outputs are of TensorFlow Lite's interpreter.

use espq::model::Dialect;

use crate::suite::{Suite, espq, text};

const SUITE: Suite = Suite { format: "tflite", dialect: Dialect::Translated, sides: [1, 12, 12, 3] };

/// Models that are read whole; `free-sides` needs the shape of its samples.
const READ: [&str; 11] =
    ["attention", "conv1d", "dilated", "dscnn", "dynamic", "free-sides", "half", "mlp", "resnet", "unet", "upsample"];

#[test]
fn float_outputs_are_the_interpreters() {
    for case in READ.iter().filter(|case| **case != "dynamic").chain(&["unrolled"]) {
        SUITE.outputs_agree(case);
    }
}

#[test]
fn layers_are_called_as_their_tensors() {
    let graph = SUITE.read("resnet").graph;
    let names: Vec<String> = graph.nodes.iter().map(|node| format!("{} {}", node.op, node.name)).collect();
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn every_model_is_linted_and_written() {
    for case in READ {
        SUITE.is_linted_and_written(case);
    }
}

#[test]
fn operators_that_esp_dl_has_replace_those_that_keras_writes() {
    let ops = |case: &str| -> Vec<String> { SUITE.read(case).graph.nodes.iter().map(|node| node.op.clone()).collect() };
    let count = |case: &str, op: &str| ops(case).iter().filter(|found| *found == op).count();
    // UpSampling2D is RESHAPE, TILE, RESHAPE, twice.
    assert_eq!((count("upsample", "Resize"), count("upsample", "Tile")), (1, 0));
    // A dilated convolution is SPACE_TO_BATCH_ND, CONV_2D, BATCH_TO_SPACE_ND.
    assert_eq!(count("dilated", "Conv"), 2);
    // Between 1-D convolutions no element moves; ZeroPadding2D goes into the Conv.
    assert_eq!((count("conv1d", "Transpose"), count("resnet", "Pad")), (2, 0));
    // Weights of half precision are widened, shapes of a free batch are computed.
    assert!(["half", "unet", "attention"].iter().all(|case| ops(case).iter().all(|op| op != "Cast" && op != "Shape")));
}

#[test]
fn what_was_assumed_is_noted() {
    let notes = |case: &str| -> String { SUITE.read(case).graph.notes.iter().map(ToString::to_string).collect() };
    assert!(notes("dynamic").contains("weights are int8 in the file: scaled to float32"));
    assert!(notes("unet").contains("dimension 0, is not fixed: set to 1"));
    assert_eq!(notes("mlp"), "");
    let [_, report] = SUITE.reported("free-sides");
    assert!(report.contains("are not fixed: set to 12, 12 from the samples"), "{report}");
}

#[test]
fn models_that_cannot_run_are_refused_with_what_to_do() {
    let refusal = |case: &str| SUITE.reported(case)[0].clone();
    let int8 = refusal("int8");
    assert!(int8.contains("already quantized") && int8.contains("leave out `converter.optimizations`"), "{int8}");
    let of_loop = refusal("loop");
    assert!(of_loop.contains("operator WHILE is not supported") && of_loop.contains("unroll=True"), "{of_loop}");
    for case in ["int8", "loop"] {
        SUITE.is_a_finding(case);
    }
}

#[test]
fn init_writes_a_project_whose_images_are_channels_last() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("net.espq.toml");
    let model = SUITE.model("resnet");
    assert!(espq(&["init", model.to_str().unwrap(), "-o", file.to_str().unwrap()]).status.success());
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("input  1x15x18x3 float32") && written.contains("# size = [15, 18]"), "{written}");
    let free = espq(&[
        "init",
        SUITE.folder("free-sides").join("model.tflite").to_str().unwrap(),
        "-o",
        out.path().to_str().unwrap(),
    ]);
    assert!(free.status.success(), "{}", text(&free.stderr));
    let written = std::fs::read_to_string(out.path().join("espq.toml")).unwrap();
    assert!(written.contains("# input-shape = [1, 224, 224, 3]"), "{written}");
}

#[test]
fn damaged_files_are_refused() {
    SUITE.damaged_files_are_refused("unet", "TFL3 is missing");
}

/// Makes an archive of empty entries.
fn archive(names: &[&str]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    names.iter().for_each(|name| archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap());
    archive.finish().unwrap().into_inner()
}

#[test]
fn models_of_other_programs_are_named_with_the_line_to_run() {
    let top = tempfile::tempdir().unwrap();
    std::fs::create_dir(top.path().join("saved")).unwrap();
    std::fs::write(top.path().join("saved/saved_model.pb"), b"\x08\x01").unwrap();
    let cases: [(&str, Vec<u8>, &str, &str); 8] = [
        ("net.pth", archive(&["net/data.pkl"]), "a pickle of PyTorch", "torch.export.save(torch.export.export("),
        ("net.pt", archive(&["net/data.pkl", "net/constants.pkl"]), "a TorchScript archive", "torch.jit.load("),
        ("net.pt2", archive(&["serialized_exported_program.json"]), "before 2.8", "save it again with PyTorch 2.8"),
        ("net.keras", archive(&["config.json", "model.weights.h5"]), "a model of Keras", "from_keras_model(m)"),
        ("net.h5", b"\x89HDF\r\n\x1a\n".to_vec(), "a model of Keras", "from_keras_model(m)"),
        ("net.safetensors", vec![8, 0, 0, 0], "weights alone", "torch.export.save(torch.export.export("),
        ("net.py", b"import torch\n".to_vec(), "a Python program", "add one line to it"),
        ("saved", Vec::new(), "a SavedModel of TensorFlow", "from_saved_model("),
    ];
    for (name, bytes, what, help) in cases {
        let path = top.path().join(name);
        if !bytes.is_empty() {
            std::fs::write(&path, bytes).unwrap();
        }
        let project = top.path().join("net.espq.toml");
        let init = espq(&["init", path.to_str().unwrap(), "-o", project.to_str().unwrap()]);
        let said = text(&init.stderr).replace(' ', "");
        let has = |words: &str| said.contains(&words.replace(' ', ""));
        assert!(init.status.code() == Some(2) && has(what) && has(help), "{name}: {}", text(&init.stderr));
        assert!(!project.exists());
        std::fs::write(&project, format!("[model]\npath = \"{name}\"\ntarget = \"esp32p4\"\n")).unwrap();
        let linted = espq(&["lint", "--no-cache", "--format", "json", project.to_str().unwrap()]);
        let found: serde_json::Value = serde_json::from_slice(&linted.stdout).unwrap();
        let finding = found.as_array().unwrap().iter().find(|f| f["code"] == "M001").unwrap();
        assert!(finding["message"].as_str().unwrap().contains(what), "{finding}");
        assert!(finding["help"].as_str().unwrap().contains(help), "{finding}");
        std::fs::remove_file(&project).unwrap();
    }
}
