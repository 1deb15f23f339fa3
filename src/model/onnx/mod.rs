//! ONNX files: protobuf messages, loading, external data, size limits.
//!
//! [`parse`] converts the model as in its file, with four lossless simplifications: `Constant` nodes become constants,
//! float16 and bfloat16 are widened, a symbolic batch is 1, and QuantizeLinear with DequantizeLinear becomes the scale of
//! a value. The file is only read. Never: quantization, rewrites of
//! the graph.

mod external;
mod load;
mod modules;
mod names;
mod proto;
mod quantized;
mod tensor;

use std::path::Path;

use super::{File, Format, Imported, Shapes};
use crate::Result;

pub use load::parse;

/// Format ONNX: protobuf, in one file or with external data.
pub struct Onnx;

impl Format for Onnx {
    fn endings(&self) -> &'static [&'static str] {
        &["onnx"]
    }

    /// Recognizes `ir_version`, the first field of every `ModelProto` that exporters write.
    fn is(&self, file: &File) -> bool {
        file.start().first() == Some(&0x08)
    }

    fn files(&self, file: &File) -> Result<Vec<String>> {
        file.bytes().map(external::files)
    }

    fn import(&self, file: &File, folder: &Path, _shapes: &Shapes) -> Result<Imported> {
        parse(file.bytes()?, folder)
    }
}

#[cfg(test)]
mod quantized_tests;
#[cfg(test)]
mod tests;
