//! Files that are often given in place of a model: their kind, and the line that makes a model of them.
//!
//! A file is recognized by its bytes, else by its ending. Nothing of the user's is run, and no pickle is opened.

use std::path::Path;

use super::File;
use crate::Error;
use crate::file::is_lfs_pointer;

/// Endings of models of other programs, without the dot.
const ENDINGS: &[&str] =
    &["pt", "pth", "ckpt", "pkl", "safetensors", "keras", "h5", "hdf5", "pb", "py", "ipynb", "mlmodel"];

/// Kind of a file that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foreign {
    LfsPointer,
    WebPage,
    EspDl,
    TorchPickle,
    TorchScript,
    OldTorchExport,
    Weights,
    Keras,
    KerasHdf5,
    FrozenGraph,
    SavedModel,
    Program,
    CoreMl,
}

/// Returns `true` for names of models of other programs.
pub fn is_foreign(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Returns the error of a file that is of another kind than the formats that espq reads.
pub fn refusal(path: &Path, file: &File) -> Option<Error> {
    Some(error(of_bytes(file).or_else(|| of_ending(path))?, path))
}

/// Returns the error of a folder in place of a model.
pub fn folder(path: &Path) -> Error {
    match path.join("saved_model.pb").is_file() {
        true => error(Foreign::SavedModel, path),
        false => Error::new("the model is a folder").with_help("use the path of the .onnx, .tflite or .pt2 file in it"),
    }
}

fn of_bytes(file: &File) -> Option<Foreign> {
    let bytes = file.start();
    let start = bytes.trim_ascii_start().to_ascii_lowercase();
    Some(match bytes {
        _ if is_lfs_pointer(bytes) => Foreign::LfsPointer,
        _ if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") => Foreign::WebPage,
        _ if bytes.starts_with(b"EDL") || bytes.starts_with(b"PDL") => Foreign::EspDl,
        _ if file.is_archive() => return of_archive(file),
        _ if bytes.starts_with(b"\x89HDF\r\n\x1a\n") => Foreign::KerasHdf5,
        // A pickle of protocol 2 to 5, which torch.save wrote before it wrote archives.
        [0x80, 2..=5, ..] => Foreign::TorchPickle,
        _ => return None,
    })
}

/// Tells archives apart by the names of their entries.
fn of_archive(file: &File) -> Option<Foreign> {
    let has = |wanted: &str| file.has(wanted);
    Some(match () {
        () if has("constants.pkl") => Foreign::TorchScript,
        () if has("data.pkl") => Foreign::TorchPickle,
        () if has("serialized_exported_program.json") => Foreign::OldTorchExport,
        // An archive of torch.export, which is read.
        () if has("archive_format") || has("archive_version") => return None,
        () if has("model.weights.h5") => Foreign::Keras,
        () => return None,
    })
}

fn of_ending(path: &Path) -> Option<Foreign> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    Some(match ending.as_str() {
        "pt" | "pth" | "ckpt" | "pkl" => Foreign::TorchPickle,
        "safetensors" => Foreign::Weights,
        "keras" => Foreign::Keras,
        "h5" | "hdf5" => Foreign::KerasHdf5,
        "pb" if path.file_name().is_some_and(|name| name == "saved_model.pb") => Foreign::SavedModel,
        "pb" => Foreign::FrozenGraph,
        "py" | "ipynb" => Foreign::Program,
        "mlmodel" => Foreign::CoreMl,
        _ => return None,
    })
}

fn error(foreign: Foreign, path: &Path) -> Error {
    let what = match foreign {
        Foreign::LfsPointer => "this is a Git LFS pointer instead of the model",
        Foreign::WebPage => "this is a web page, not a model",
        Foreign::EspDl => "this is an ESP-DL file, which is already quantized, not a float model",
        Foreign::TorchPickle => {
            "this is a pickle of PyTorch, which only Python with the model's classes can read, not a model's graph"
        }
        Foreign::TorchScript => "this is a TorchScript archive, which espq does not read",
        Foreign::OldTorchExport => {
            "this is a program of torch.export that PyTorch before 2.8 saved, which espq does not read"
        }
        Foreign::Weights => "this file has weights alone, without the layers that use them",
        Foreign::Keras | Foreign::KerasHdf5 => "this is a model of Keras, which espq reads as .tflite",
        Foreign::FrozenGraph => "this is a graph of TensorFlow, which espq reads as .tflite",
        Foreign::SavedModel => "this is a SavedModel of TensorFlow, which espq reads as .tflite",
        Foreign::Program => {
            "this is a Python program, and espq never runs one: it reads the model that the program exports"
        }
        Foreign::CoreMl => "this is a model of Core ML, which espq does not read",
    };
    Error::new(what).with_help(help(foreign, path))
}

/// Says what to run, with the names of the user's files.
fn help(foreign: Foreign, path: &Path) -> String {
    let (folder, stem) = (path.parent().unwrap_or(Path::new("")), path.file_stem().unwrap_or_default());
    let here = quotable(path, "model");
    let named = |ending: &str| match foreign {
        // The file in the folder is called the same in all of them.
        Foreign::SavedModel => format!("model.{ending}"),
        _ => quotable(&folder.join(stem).with_added_extension(ending), &format!("model.{ending}")),
    };
    let [onnx, tflite, program] = ["onnx", "tflite", "pt2"].map(named);
    let export =
        format!("torch.export.save(torch.export.export(model.eval(), (torch.zeros(1, 3, 224, 224),)), \"{program}\")");
    match foreign {
        Foreign::LfsPointer => "fetch it: `git lfs pull` in the repository of the model".to_string(),
        Foreign::WebPage => "the download returned a page instead of the file: download the file itself".to_string(),
        Foreign::EspDl => {
            "use the .onnx, .tflite or .pt2 file that it was made from; `espq inspect` shows the contents of this one"
                .to_string()
        }
        Foreign::TorchPickle | Foreign::Weights => {
            format!(
                "in the program that builds the model, after loading the weights: `{export}`, with your input's shape"
            )
        }
        Foreign::TorchScript => format!(
            "`python -c 'import torch; torch.onnx.export(torch.jit.load(\"{here}\").eval(), (torch.zeros(1, 3, 224, \
             224),), \"{onnx}\", opset_version=18, dynamo=False)'`, with your input's shape"
        ),
        Foreign::OldTorchExport => {
            format!("save it again with PyTorch 2.8 or later, in the program that builds the model: `{export}`")
        }
        Foreign::Keras | Foreign::KerasHdf5 => format!(
            "`python -c 'import tensorflow as tf; m = tf.keras.models.load_model(\"{here}\"); open(\"{tflite}\", \
             \"wb\").write(tf.lite.TFLiteConverter.from_keras_model(m).convert())'`, without quantization"
        ),
        Foreign::SavedModel | Foreign::FrozenGraph => {
            let saved = match path.is_dir() {
                true => here,
                false => quotable(folder, "."),
            };
            let frozen = match foreign {
                Foreign::FrozenGraph => "save it as a SavedModel, then: ",
                _ => "",
            };
            format!(
                "{frozen}`python -c 'import tensorflow as tf; open(\"{tflite}\", \
                 \"wb\").write(tf.lite.TFLiteConverter.from_saved_model(\"{saved}\").convert())'`, without quantization"
            )
        }
        Foreign::Program => format!(
            "add one line to it: for PyTorch `{export}`, with your input's shape; for Keras `model.export(\"{tflite}\", \
             format=\"litert\")`; then use the file that it writes"
        ),
        Foreign::CoreMl => "export the model that it was made from as .onnx or .tflite".to_string(),
    }
}

/// Returns a path as it can stand between quotes in a line for a shell, else a placeholder.
fn quotable(path: &Path, other: &str) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ' ' | ':');
    match text.chars().all(is_plain) && !text.is_empty() {
        true => text.into_owned(),
        false => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    use prost::bytes::Bytes;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(b"x").unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn kind(name: &str, bytes: &[u8]) -> Option<Foreign> {
        of_bytes(&Bytes::copy_from_slice(bytes).into()).or_else(|| of_ending(Path::new(name)))
    }

    #[test]
    fn archives_are_told_apart_by_their_entries() {
        let cases: [(&[&str], Foreign); 4] = [
            (&["net/data.pkl", "net/data/0", "net/version"], Foreign::TorchPickle),
            (&["net/data.pkl", "net/constants.pkl", "net/code/__torch__.py"], Foreign::TorchScript),
            (&["serialized_exported_program.json", "version"], Foreign::OldTorchExport),
            (&["metadata.json", "config.json", "model.weights.h5"], Foreign::Keras),
        ];
        for (names, expected) in cases {
            assert_eq!(kind("net.bin", &archive(names)), Some(expected), "{names:?}");
        }
        assert_eq!(kind("net.bin", &archive(&["a.txt"])), None);
        assert_eq!(kind("net.keras", b"PK\x03\x04 damaged"), Some(Foreign::Keras));
    }

    #[test]
    fn files_are_recognized_by_bytes_before_their_ending() {
        let cases: [(&str, &[u8], Option<Foreign>); 10] = [
            ("a.pt", b"\x80\x02\x8a\nl\xfc\x9cF", Some(Foreign::TorchPickle)),
            ("a.onnx", b"\x89HDF\r\n\x1a\n", Some(Foreign::KerasHdf5)),
            ("a.H5", b"", Some(Foreign::KerasHdf5)),
            ("a.py", b"import torch", Some(Foreign::Program)),
            ("a/saved_model.pb", b"\x08\x01", Some(Foreign::SavedModel)),
            ("frozen.pb", b"\x0a", Some(Foreign::FrozenGraph)),
            ("a.onnx", b"EDL2", Some(Foreign::EspDl)),
            ("a.pt", b"version https://git-lfs.github.com/spec/v1\n", Some(Foreign::LfsPointer)),
            ("a.onnx", b"\x08\x08", None),
            ("a.tflite", b"\x1c\0\0\0TFL3", None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(kind(name, bytes), expected, "{name}");
        }
    }

    #[test]
    fn the_help_names_the_files_unless_a_shell_could_misread_them() {
        let help = |name: &str| refusal(Path::new(name), &Bytes::new().into()).unwrap().help().unwrap().to_string();
        assert!(help("nets/kws.keras").contains("load_model(\"nets/kws.keras\"); open(\"nets/kws.tflite\""));
        assert!(help("a\"; rm -rf '.h5").contains("load_model(\"model\"); open(\"model.tflite\""));
        assert!(help("net.v2.pth").contains("(torch.zeros(1, 3, 224, 224),)), \"net.v2.pt2\")"));
    }
}
