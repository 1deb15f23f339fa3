//! Model files: the supported formats, and their conversion to a graph.
//!
//! A format is an entry of [`FORMATS`], with its reader in its own module. Model files are only read.
//! Never: quantization, rewrites of the graph, targets.

mod beside;
mod file;
mod foreign;
pub mod onnx;
mod pt2;
mod shapes;
mod source;
mod tflite;
mod unique;

use std::collections::BTreeMap;
use std::path::Path;

use prost::bytes::Bytes;

use crate::graph::Graph;
use crate::{Error, Result};

pub use beside::inside;
pub use file::{File, Part};
pub use foreign::{folder, is_foreign};
pub use shapes::{Axis, Declared, Shapes};

/// Format of model files.
pub trait Format: Sync {
    /// Endings of its files without the dot, the most common one first.
    fn endings(&self) -> &'static [&'static str];

    /// Recognizes a file by its bytes, ignoring its name.
    fn is(&self, file: &File) -> bool;

    /// Returns the names of the files beside the model that contain parts of it, sorted; none if the bytes are not a
    /// model. [`inside`] finds a file by its name. Fails if the file cannot be read.
    fn files(&self, file: &File) -> Result<Vec<String>>;

    /// Reads a model; files that it refers to are searched in `folder`. `shapes` are those of inputs whose axes the file
    /// leaves free, as far as they are known.
    fn import(&self, file: &File, folder: &Path, shapes: &Shapes) -> Result<Imported>;
}

/// Model as in its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Nodes in the file's order, before any rewrite.
    pub graph: Graph,
    /// Dialect, which determines the rewrites that follow.
    pub dialect: Dialect,
    /// Facts about nodes that the graph does not hold.
    pub record: Record,
    /// Axes of the inputs, in the order of the graph's; an input has no shape in the graph while one is free.
    pub declared: Vec<Declared>,
    /// Shapes with which the graph has been translated, by input; `None` for a format whose graph has no shapes in it.
    pub translated_with: Option<Shapes>,
}

impl Imported {
    /// A graph in ONNX's dialect of which nothing else is known.
    pub fn of(graph: Graph) -> Imported {
        Imported {
            graph,
            dialect: Dialect::Onnx,
            record: Record::default(),
            declared: Vec::new(),
            translated_with: None,
        }
    }
}

/// Facts of the file about its nodes, for reports and messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// Names of nodes that are constants in the graph.
    pub constants: Vec<String>,
    /// Path of the module that a node comes from (`layer1.0.conv1`), by name of the node.
    pub modules: BTreeMap<String, String>,
    /// Names of nodes that were cut off by the ends of the network that the user chose.
    pub cut_off: Vec<String>,
}

/// Origin of a graph, which determines its simplification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Written by an ONNX exporter. esp-ppq runs onnxsim on such a graph, so its rewrites are emulated.
    Onnx,
    /// Translated to ONNX's operators: only constant folding and shape inference are applied.
    Translated,
}

/// All formats; files that none recognizes are read as the first.
pub static FORMATS: &[&dyn Format] = &[&onnx::Onnx, &tflite::TfLite, &pt2::Pt2];

/// Returns the format of a file: by its first bytes, else by its ending, else the first of [`FORMATS`]. Later formats have
/// longer identifiers.
pub fn format_of(path: &Path, file: &File) -> &'static dyn Format {
    let by_ending = || FORMATS.iter().find(|format| has_ending(path, **format));
    let found = FORMATS.iter().rev().find(|format| format.is(file)).or_else(by_ending);
    found.copied().unwrap_or(&onnx::Onnx)
}

/// Reads a model with the files that it refers to. Errors name the file.
pub fn load(path: &Path) -> Result<Imported> {
    import(path, &File::open(path)?)
}

/// Returns all bytes of a model's file. Errors name the file.
pub fn read(path: &Path) -> Result<Bytes> {
    File::open(path)?.bytes().map_err(|e| e.in_file(path))
}

/// Reads a model whose file is at `path`. Errors name the file.
pub fn import(path: &Path, file: &File) -> Result<Imported> {
    import_with(path, file, &Shapes::new())
}

/// Reads a model with the shapes of its inputs, for a format whose graph depends on them.
pub fn import_with(path: &Path, file: &File, shapes: &Shapes) -> Result<Imported> {
    if let Some(refusal) = foreign::refusal(path, file) {
        return Err(refusal.in_file(path));
    }
    format_of(path, file).import(file, folder_of(path), shapes).map_err(|e: Error| e.in_file(path))
}

/// Returns every ending of a model file, without the dot.
pub fn endings() -> Vec<&'static str> {
    FORMATS.iter().flat_map(|format| format.endings()).copied().collect()
}

/// Returns `true` for names of model files.
pub fn is_model(path: &Path) -> bool {
    FORMATS.iter().any(|format| has_ending(path, *format))
}

/// Returns the folder in which a model's files are searched.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn has_ending(path: &Path, format: &dyn Format) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    format.endings().iter().any(|e| ending.eq_ignore_ascii_case(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognized_by_endings_in_any_case() {
        assert!(is_model(Path::new("nets/digits.ONNX")));
        assert!(!is_model(Path::new("nets/digits.onnx.data")));
    }

    #[test]
    fn a_tflite_file_may_begin_as_an_onnx_file_does() {
        let tflite = File::from(Bytes::from_static(b"\x08\0\0\0TFL3"));
        assert_eq!(format_of(Path::new("net.onnx"), &tflite).endings()[0], "tflite");
    }

    #[test]
    fn a_file_of_another_name_is_recognized_by_its_bytes() {
        let model = File::from(Bytes::from_static(&[0x08, 0x08, 0x12]));
        assert_eq!(format_of(Path::new("model.bin"), &model).endings(), ["onnx"]);
    }
}
