//! TensorFlow Lite's files (`.tflite`): read, and translated to ONNX's operators and order of axes.
//!
//! The file is read into plain tables ([`file`]), then each operator becomes nodes in one pass ([`ops`]) over values that
//! are in TFLite's order of axes, in ONNX's, or in both ([`layout`]). A layer is called as its output tensor, which is the
//! name that Netron shows. The result is one that onnxsim would leave as it is. Never: quantization, targets, rewrites of
//! the finished graph.

mod file;
mod layout;
mod lowering;
mod ops;
mod quantized;
mod refuse;
mod schema;
mod sparse;
mod weights;

use std::path::Path;

use super::{Dialect, Format, Imported, Shapes};
use crate::Result;
use crate::flatbuffer::read::Reader;
use file::File;
use lowering::Lowering;

/// Format TensorFlow Lite: a flatbuffer with the identifier `TFL3`.
pub struct TfLite;

impl Format for TfLite {
    fn endings(&self) -> &'static [&'static str] {
        &["tflite", "lite", "litert"]
    }

    fn is(&self, file: &super::File) -> bool {
        file.start().get(4..8) == Some(schema::IDENTIFIER)
    }

    /// A model is one file.
    fn files(&self, _file: &super::File) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn import(&self, file: &super::File, _folder: &Path, shapes: &Shapes) -> Result<Imported> {
        let bytes = file.bytes()?;
        let reader = Reader::new(&bytes);
        let file = File::read(&reader, &bytes)?;
        quantized::check(&file)?;
        refuse::check(&file)?;
        let mut lowering = Lowering::new(&file);
        let declared = lowering.inputs(shapes)?;
        let is_known = lowering.graph.inputs.len() == lowering.shapes.len();
        let translated_with = Some(lowering.shapes.clone());
        // Padding depends on heights and widths: while one is free, only the inputs are known.
        let graph = match is_known {
            true => {
                for operator in &file.operators {
                    ops::lower(&mut lowering, operator).map_err(|e| file.at(operator, e))?;
                }
                lowering.finish()?
            }
            false => lowering.graph,
        };
        Ok(Imported { dialect: Dialect::Translated, declared, translated_with, ..Imported::of(graph) })
    }
}
