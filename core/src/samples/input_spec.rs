//! Inputs of a model, for which samples are given.

use crate::graph::{DataType, Graph};
use crate::{Error, Result};

/// Name, type and shape of a model input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSpec {
    /// Name of the input.
    pub name: String,
    /// Type of the elements.
    pub data_type: DataType,
    /// Lengths of the axes, including the batch axis of 1; 0 for axes that the model leaves free.
    pub shape: Vec<usize>,
    /// Axes that the model leaves free, with their names in it, which may be empty: the samples tell their lengths.
    pub free: Vec<(usize, String)>,
}

impl InputSpec {
    /// Returns the inputs of a graph, whose shapes must be known.
    pub fn of(graph: &Graph) -> Result<Vec<InputSpec>> {
        let spec = |id| {
            let value = graph.value(id);
            let name = value.name.clone();
            match (value.data_type, &value.shape) {
                (Some(data_type), Some(shape)) => {
                    Ok(InputSpec { name, data_type, shape: shape.clone(), free: Vec::new() })
                }
                _ => Err(Error::new(format!("the shape of input `{name}` is not known"))),
            }
        };
        graph.inputs.iter().copied().map(spec).collect()
    }

    pub(super) fn elements(&self) -> usize {
        // Shapes of a loaded graph have been checked to fit memory.
        self.shape.iter().product()
    }

    /// "1x3x224x224 float32"; a free axis has its name: "1x3xheightxwidth float32"
    pub fn describe(&self) -> String {
        format!("{} {}", self.sides(), self.data_type.name())
    }

    pub(super) fn sides(&self) -> String {
        if self.free.is_empty() {
            return sides(&self.shape);
        }
        let side = |(axis, length): (usize, &usize)| match self.free.iter().find(|(free, _)| *free == axis) {
            Some((_, name)) if name.is_empty() => "?".to_string(),
            Some((_, name)) => name.clone(),
            None => length.to_string(),
        };
        self.shape.iter().enumerate().map(side).collect::<Vec<_>>().join("x")
    }

    /// The input with the lengths that an array of samples has; `None` where its shape is not that of samples.
    pub(super) fn settled(&self, array: &[usize]) -> Option<InputSpec> {
        if self.free.is_empty() {
            return Some(self.clone());
        }
        let with_batch = |rest: &[usize]| [&[1], rest].concat();
        let rank = self.shape.len();
        let candidates = match array.len() {
            // The first axis counts samples, in the place of the batch; or there is one sample.
            n if n == rank && n > 1 => vec![with_batch(&array[1..]), array.to_vec()],
            n if n == rank => vec![array.to_vec()],
            n if n == rank + 1 => vec![array[1..].to_vec()],
            n if n + 1 == rank => vec![with_batch(array)],
            _ => Vec::new(),
        };
        let is_free = |axis: usize| self.free.iter().any(|(free, _)| *free == axis);
        let fits = |shape: &Vec<usize>| {
            let mut axes = shape.iter().zip(&self.shape).enumerate();
            axes.all(|(axis, (&length, &declared))| if is_free(axis) { length > 0 } else { length == declared })
        };
        let shape = candidates.into_iter().find(fits)?;
        Some(InputSpec { shape, free: Vec::new(), ..self.clone() })
    }
}

/// "1x3x224x224"
pub(super) fn sides(shape: &[usize]) -> String {
    match shape {
        [] => "a single number".to_string(),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x"),
    }
}
