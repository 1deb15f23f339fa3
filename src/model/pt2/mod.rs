//! Programs of PyTorch (`.pt2`, the archive of `torch.export.save`): read, and lowered to the graph that
//! `torch.onnx.export(dynamo=False, opset_version=18)` makes of the same model, which is what esp-ppq quantizes.
//!
//! The archive is read into slices ([`archive`]) and its JSON into plain structs ([`schema`]); each operator of ATen becomes
//! the nodes that the exporter makes of it ([`ops`]), and the finished list of nodes gets the exporter's names
//! ([`lowering`]). No pickle is opened. Never: quantization, targets, rewrites of the finished graph.

mod archive;
mod inline;
mod lengths;
mod lowering;
mod ops;
mod program;
mod refuse;
mod schema;
mod tensors;
mod text;

use std::path::Path;

use super::{Dialect, File, Format, Imported, Shapes};
use crate::Result;
use lowering::Lowering;
use program::Program;

/// Format of `torch.export.save`: an archive with a program in JSON, and its tensors.
pub struct Pt2;

impl Format for Pt2 {
    fn endings(&self) -> &'static [&'static str] {
        &["pt2"]
    }

    /// Recognizes an archive by its entry `NAME/archive_format`, which may be anywhere.
    fn is(&self, file: &File) -> bool {
        file.is_archive() && file.has("archive_format")
    }

    /// A program is one file.
    fn files(&self, _file: &File) -> Vec<String> {
        Vec::new()
    }

    fn import(&self, file: &File, _folder: &Path, shapes: &Shapes) -> Result<Imported> {
        let program = Program::read(file)?;
        refuse::check(&program)?;
        let mut lowering = Lowering::new(&program);
        let declared = lowering.inputs(shapes)?;
        let translated_with = Some(lowering.shapes.clone());
        // Sizes are in the operators' arguments: while one is free, only the inputs are known.
        let graph = match lowering.graph.inputs.len() == lowering.shapes.len() {
            true => {
                lowering.nodes()?;
                lowering.finish()?
            }
            false => lowering.graph,
        };
        Ok(Imported { dialect: Dialect::Onnx, declared, translated_with, ..Imported::of(graph) })
    }
}
