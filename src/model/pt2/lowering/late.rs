//! Weights that are copied from the file when the graph is finished: all of them at once, on all cores, and multiplied by
//! their BatchNorm in the same pass. They are most of a file's bytes.

use foldhash::HashMap;

use super::ahead::Ahead;
use super::{Call, Lowering};
use crate::Result;
use crate::graph::stored::{extend_multiplied, multiply};
use crate::graph::{DataType, Graph, Tensor, Value, ValueId};
use crate::model::Part;
use crate::model::pt2::tensors::{self, Plain};
use crate::model::unique::distinct;
use crate::parallel;

/// Weights without their elements, by value.
pub type All<'a> = HashMap<ValueId, Late<'a>>;

/// Elements of a weight, in the file, and what they are multiplied by.
pub struct Late<'a> {
    /// Name in the archive.
    parameter: &'a str,
    plain: &'a Plain<'a>,
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

    /// Returns the value of a weight that may be left out.
    pub fn optional_weight(&mut self, call: Call<'a>, name: &str) -> Result<Option<ValueId>> {
        match self.late_weight(call, name) {
            Some(value) => Ok(Some(value)),
            None => self.optional(call, name),
        }
    }

    /// Adds a weight without its elements, unless something else reads them, too.
    pub fn late_weight(&mut self, call: Call<'a>, name: &str) -> Option<ValueId> {
        let name = call.tensor(name).ok()?;
        let program = self.program;
        let parameter = program.names.get(name)?;
        if self.held.contains_key(name) || self.sharing.only_reader(name).is_none() {
            return None;
        }
        let plain = program.plain(parameter)?;
        self.made += plain.shape.iter().product::<usize>();
        let name_of_value = distinct(&mut self.names, parameter);
        let value = Value {
            name: name_of_value,
            data_type: Some(DataType::F32),
            shape: Some(plain.shape.clone()),
            constant: None,
            scales: Vec::new(),
        };
        let value = self.add_value(value, true);
        self.late.insert(value, Late { parameter, plain, factors: Vec::new() });
        self.held.insert(name, value);
        Some(value)
    }
}

/// Returns the elements of a constant of float32 that no factor belongs to.
pub fn floats<'b>(graph: &'b Graph, late: &'b All, value: ValueId) -> Result<Option<&'b [f32]>> {
    Ok(match late.get(&value) {
        Some(late) if late.factors.is_empty() => Some(late.plain.elements()?),
        Some(_) => None,
        None => graph.value(value).constant.as_ref().and_then(|tensor| tensor.slice::<f32>()),
    })
}

/// Puts the elements of all weights that a node reads into the graph: the copies that there are, and others.
pub fn copy(graph: &mut Graph, late: &All, ahead: &Ahead) -> Result<()> {
    let read = graph.mask(graph.nodes.iter().flat_map(|node| node.inputs.iter().flatten().copied()));
    ahead.work();
    let mut missing: Vec<(ValueId, &Late)> = Vec::new();
    for (&value, late) in late.iter().filter(|(value, _)| read[value.0]) {
        match ahead.copy(late.parameter, &late.factors) {
            Some(tensor) => graph.values[value.0].constant = Some(tensor),
            None => missing.push((value, late)),
        }
    }
    let shape = |value| graph.shape(value).unwrap_or_default();
    let made = parallel::try_map(missing.len(), |index| {
        let (value, late) = &missing[index];
        tensor(shape(*value), late.plain.part, &late.factors, None)
    })?;
    for ((value, _), tensor) in missing.iter().zip(made) {
        graph.values[value.0].constant = Some(tensor);
    }
    Ok(())
}

/// Makes a tensor of a weight in the file, each channel multiplied by its factors; of its elements, if they have been copied.
pub fn tensor(shape: &[usize], part: Part, factors: &[Vec<f32>], copied: Option<Vec<f32>>) -> Result<Tensor> {
    let size = |factors: &[f32]| (part.size() / 4).div_ceil(factors.len().max(1)).max(1);
    let (mut elements, rest) = match (copied, factors.split_first()) {
        (Some(elements), _) => (elements, factors),
        (None, Some((first, rest))) => (multiplied(part, size(first), first)?, rest),
        (None, None) => (tensors::floats(part)?, factors),
    };
    rest.iter().for_each(|factors| multiply(&mut elements, size(factors), factors));
    Tensor::new(shape, elements)
}

/// Returns the numbers of a part, each channel multiplied by its factor: one pass over memory instead of two.
fn multiplied(part: Part, size: usize, factors: &[f32]) -> Result<Vec<f32>> {
    let mut elements = Vec::with_capacity(part.size() / 4);
    part.chunks(|bytes| {
        let mut numbers = bytes.as_chunks::<4>().0;
        // A channel may go on in the next chunk.
        while let Some(factor) = factors.get(elements.len() / size).filter(|_| !numbers.is_empty()) {
            let of_channel;
            (of_channel, numbers) = numbers.split_at(numbers.len().min(size - elements.len() % size));
            extend_multiplied(&mut elements, of_channel, *factor);
        }
    })?;
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::File;
    use prost::bytes::Bytes;

    #[test]
    fn a_copy_is_the_same_in_one_pass_and_in_two() {
        let numbers: Vec<f32> = (1..=12).map(|n| 1.0 / n as f32).collect();
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let file = File::from(Bytes::from(bytes));
        let part = file.part(0..file.size).unwrap();
        for factors in [vec![], vec![vec![0.3, 7.0, -1.1]], vec![vec![3.0, 0.7, 1.0], vec![0.1, 0.2, 0.3]]] {
            let scaled = numbers.iter().enumerate().map(|(at, number)| {
                factors.iter().fold(*number, |number, factors: &Vec<f32>| number * factors[at / 4])
            });
            let expected = Tensor::new(&[3, 4], scaled.collect()).unwrap();
            for copied in [None, Some(numbers.clone())] {
                assert_eq!(tensor(&[3, 4], part, &factors, copied).unwrap(), expected, "{factors:?}");
            }
        }
    }
}
