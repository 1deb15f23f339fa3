//! Inputs of a model file that has no project yet.

use std::path::Path;

use crate::model;
use crate::samples::InputSpec;
use crate::{Error, Result};

use super::shapes;

/// Inputs of a model, and one layer for an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// Inputs as the file declares them; a free batch is 1.
    pub inputs: Vec<InputSpec>,
    /// Name of the first Conv or Gemm; `None` if there is neither.
    pub layer: Option<String>,
    /// Set if the file has scales, whose widths are the precisions of its layers.
    pub has_scales: bool,
}

/// Reads a model's inputs. Errors name the file.
pub fn outline(file: &Path) -> Result<Outline> {
    let imported = model::load(file)?;
    let graph = &imported.graph;
    let inputs = match graph.inputs.is_empty() {
        true => Err(Error::new("the model has no input").with_help("export it again, with an example input")),
        false => shapes::inputs(&imported),
    };
    let layer = graph.nodes.iter().find(|n| n.op == "Conv" || n.op == "Gemm").map(|n| n.name.clone());
    Ok(Outline { inputs: inputs.map_err(|e| e.in_file(file))?, layer, has_scales: graph.has_scales() })
}
