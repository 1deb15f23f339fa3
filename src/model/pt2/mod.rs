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
use std::sync::OnceLock;

use super::{Dialect, File, Format, Imported, Shapes};
use crate::Result;
use archive::Archive;
use lowering::ahead::{Ahead, begin};
use lowering::{Lowering, Sharing};
use program::{Program, Texts};

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
    fn files(&self, _file: &File) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn import(&self, file: &File, _folder: &Path, shapes: &Shapes) -> Result<Imported> {
        let texts = Texts::default();
        let (archive, tensors, ahead) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        rayon::in_place_scope(|scope| {
            let _list = Closed(&ahead);
            // One task, since a thread that has been woken needs no second waking.
            scope.spawn(|_| {
                let Ok(archive) = archive.get_or_init(|| Archive::open(file)) else { return };
                let tensors = tensors.get_or_init(|| program::tensors(archive, &texts));
                let is_listed = || ahead.get().is_some();
                let copied =
                    tensors.as_ref().map(|tensors| begin(tensors, archive.size, is_listed)).unwrap_or_default();
                // The reader itself never waits here: it waits for no thread before there is a list.
                let ahead = ahead.wait();
                ahead.take(copied);
                ahead.work();
            });
            read(&Program::read(file, &archive, &tensors, &texts)?, &ahead, shapes)
        })
    }
}

/// List of copies that another thread waits for: closed when the reader returns, by whichever way.
struct Closed<'b, 'a>(&'b OnceLock<Ahead<'a>>);

impl Drop for Closed<'_, '_> {
    fn drop(&mut self) {
        self.0.get_or_init(Ahead::default).stop();
    }
}

fn read<'a>(program: &Program<'a>, ahead: &OnceLock<Ahead<'a>>, shapes: &Shapes) -> Result<Imported> {
    let operators = ops::of(&program.graph().nodes);
    refuse::check(program, &operators)?;
    let sharing = Sharing::of(program, &operators);
    let ahead = ahead.get_or_init(|| Ahead::of(program, &sharing));
    let mut lowering = Lowering::new(program, &operators, sharing);
    let declared = lowering.inputs(shapes)?;
    let translated_with = Some(lowering.shapes.clone());
    // Sizes are in the operators' arguments: while one is free, only the inputs are known.
    let graph = match lowering.graph.inputs.len() == lowering.shapes.len() {
        true => {
            lowering.nodes()?;
            lowering.finish(ahead)?
        }
        false => lowering.graph,
    };
    Ok(Imported { dialect: Dialect::Onnx, declared, translated_with, ..Imported::of(graph) })
}
