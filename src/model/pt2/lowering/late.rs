//! Weights that are copied from the file when the graph is finished: all of them at once, on all cores, and multiplied by
//! their BatchNorm in the same pass. They are most of a file's bytes.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Call, Lowering};
use crate::Result;
use crate::graph::{DataType, Graph, Tensor, Value, ValueId};
use crate::model::numbers::numbers;
use crate::model::unique::distinct;

/// Weights without their elements, by value.
pub type All<'a> = HashMap<ValueId, Late<'a>>;

/// Elements of a weight, in the file, and what they are multiplied by.
pub struct Late<'a> {
    bytes: &'a [u8],
    /// Factors of the channels, in the order in which they are applied.
    pub factors: Vec<Vec<f32>>,
}

impl<'a> Lowering<'a> {
    /// Returns the value of a weight that the operator only hands on to its node.
    pub fn weight(&mut self, call: Call<'a>, name: &str) -> Result<ValueId> {
        match self.late_weight(call, name) {
            Some(value) => Ok(value),
            None => self.input(call, name),
        }
    }

    /// Adds a weight without its elements, unless something else reads them, too.
    fn late_weight(&mut self, call: Call<'a>, name: &str) -> Option<ValueId> {
        let name = call.tensor(name).ok()?;
        let program = self.program;
        let parameter = program.names.get(name)?;
        if self.held.contains_key(name) || self.sharing.readers.get(name) != Some(&1) {
            return None;
        }
        let (shape, bytes) = program.plain(parameter)?;
        self.made += shape.iter().product::<usize>();
        let name_of_value = distinct(&mut self.names, parameter);
        let value = Value {
            name: name_of_value,
            data_type: Some(DataType::F32),
            shape: Some(shape),
            constant: None,
            scales: Vec::new(),
        };
        let value = self.add_value(value, true);
        self.late.insert(value, Late { bytes, factors: Vec::new() });
        self.held.insert(name, value);
        Some(value)
    }
}

/// Copies the elements of all weights that a node reads.
pub fn copy(graph: &mut Graph, late: &All) -> Result<()> {
    let read = graph.mask(graph.nodes.iter().flat_map(|node| node.inputs.iter().flatten().copied()));
    let wanted: Vec<(&ValueId, &Late)> = late.iter().filter(|(value, _)| read[value.0]).collect();
    let made: Vec<(ValueId, Tensor)> = wanted
        .into_par_iter()
        .map(|(&value, late)| Ok((value, tensor(graph.shape(value).unwrap_or_default(), late)?)))
        .collect::<Result<_>>()?;
    for (value, tensor) in made {
        graph.values[value.0].constant = Some(tensor);
    }
    Ok(())
}

fn tensor(shape: &[usize], late: &Late) -> Result<Tensor> {
    let Some((first, others)) = late.factors.split_first() else {
        return numbers(shape, late.bytes, f32::from_le_bytes);
    };
    let numbers = late.bytes.as_chunks::<4>().0;
    let size = numbers.len().div_ceil(first.len().max(1)).max(1);
    let mut elements = Vec::with_capacity(numbers.len());
    for (channel, factor) in numbers.chunks(size).zip(first) {
        elements.extend(channel.iter().map(|&bytes| f32::from_le_bytes(bytes) * factor));
    }
    others.iter().for_each(|factors| multiply(&mut elements, factors));
    Tensor::new(shape, elements)
}

/// Multiplies the elements of each channel by its factor.
pub fn multiply(elements: &mut [f32], factors: &[f32]) {
    let size = elements.len().div_ceil(factors.len().max(1)).max(1);
    for (channel, factor) in elements.chunks_mut(size).zip(factors) {
        channel.iter_mut().for_each(|element| *element *= factor);
    }
}
