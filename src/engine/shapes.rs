//! Shapes of a model's inputs that its file leaves free: from `input-shape`, else from the samples.

use std::collections::BTreeMap;

use crate::model::{Axis, Declared, Imported};
use crate::project::{InputShapes, Project};
use crate::samples::{InputSpec, Samples};
use crate::{Error, Result};

/// Inputs of a model as its file has them, before any shape is given.
pub fn inputs(imported: &Imported) -> Result<Vec<InputSpec>> {
    let graph = &imported.graph;
    let spec = |declared: &Declared| {
        let value = graph.value(declared.input);
        let name = value.name.clone();
        let Some(data_type) = value.data_type else {
            return Err(Error::new(format!("the type of input `{name}` is not known")));
        };
        if let Some(shape) = &value.shape {
            return Ok(InputSpec { name, data_type, shape: shape.clone(), free: Vec::new() });
        }
        let mut free = Vec::new();
        let length = |(axis, of_axis): (usize, &Axis)| match of_axis {
            Axis::Fixed(length) => *length,
            Axis::Free(_) if declared.is_free_batch(axis) => 1,
            Axis::Free(symbol) => {
                free.push((axis, symbol.clone()));
                0
            }
        };
        let shape = declared.axes.iter().enumerate().map(length).collect();
        Ok(InputSpec { name, data_type, shape, free })
    };
    imported.declared.iter().map(spec).collect()
}

/// Shapes by input, as `input-shape` gives them.
pub fn given(project: &Project, imported: &Imported) -> Result<BTreeMap<String, Vec<usize>>> {
    let Some(given) = &project.config.model.input_shape else { return Ok(BTreeMap::new()) };
    match (&given.value, imported.graph.inputs.as_slice()) {
        (InputShapes::PerInput(shapes), _) => Ok(shapes.clone()),
        (InputShapes::One(shape), &[input]) => Ok([(imported.graph.value(input).name.clone(), shape.clone())].into()),
        (InputShapes::One(_), inputs) => {
            let name = |&input| format!("\"{}\" = [...]", imported.graph.value(input).name);
            let names: Vec<String> = inputs.iter().map(name).collect();
            Err(Error::new(format!("one shape for a model of {} inputs", inputs.len()))
                .with_help(format!("give each its own: input-shape = {{ {} }}", names.join(", "))))
        }
    }
}

/// Shapes by input, as the samples have them.
pub fn of_samples(samples: &Samples) -> BTreeMap<String, Vec<usize>> {
    samples.inputs().iter().map(|input| (input.name.clone(), input.shape.clone())).collect()
}
