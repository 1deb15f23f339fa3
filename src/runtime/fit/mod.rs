//! Whether a chip loads and runs a model as it was meant: ESP-DL 3.3.9's loader and kernels, by target.
//!
//! What is held against the file here shows without running it; accuracy is not asked for.

mod forms;
mod nodes;
mod whole;

use std::collections::HashMap;

use serde::Serialize;

use crate::chip::{Family, Target};

#[cfg(test)]
pub(crate) use nodes::OPERATORS;

use super::limits::{FileNode, violation};
use crate::chip::QuantType;
use crate::espdl::{DataType, Entry, Model, Node, Tensor, ValueInfo};

/// What is wrong with a node, and what to do.
type Rule = fn(&Context, &Node) -> Option<(String, &'static str)>;

/// One reason why a model does not run right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misfit {
    /// Empty: the file as a whole.
    pub node: String,
    pub what: String,
    pub help: &'static str,
}

/// All reasons; none means that the model fits.
pub fn fit(entry: &Entry, target: Target) -> Vec<Misfit> {
    let context = Context::new(&entry.model, target);
    let mut misfits = whole::check(entry, &context);
    for node in &entry.model.graph.nodes {
        if nodes::has_operator(node) {
            let view = FileNode { node, tensors: &context.tensors, values: &context.values };
            misfits.extend(violation(&view).map(|(what, limit)| {
                let help = limit.help;
                Misfit { node: node.name.clone(), what, help }
            }));
        }
        for rule in nodes::RULES.iter().chain(forms::RULES) {
            if let Some((what, help)) = rule(&context, node) {
                misfits.push(Misfit { node: node.name.clone(), what, help });
            }
        }
    }
    misfits
}

struct Context<'m> {
    target: Target,
    family: Family,
    tensors: HashMap<&'m str, &'m Tensor>,
    values: HashMap<&'m str, &'m ValueInfo>,
}

impl<'m> Context<'m> {
    fn new(model: &'m Model, target: Target) -> Self {
        let graph = &model.graph;
        Context {
            target,
            family: target.family(),
            tensors: graph.initializers.iter().map(|t| (t.name.as_str(), t)).collect(),
            values: graph.values.iter().map(|v| (v.name.as_str(), v)).collect(),
        }
    }

    /// The constant at input `index`.
    fn constant(&self, node: &Node, index: usize) -> Option<&'m Tensor> {
        self.tensors.get(node.inputs.get(index)?.as_str()).copied()
    }

    fn value(&self, name: &str) -> Option<&'m ValueInfo> {
        self.values.get(name).copied()
    }

    /// Exponents of a constant or of a value.
    fn exponents(&self, name: &str) -> Option<&'m [i64]> {
        let constant = self.tensors.get(name).map(|t| t.exponents.as_slice());
        constant.or_else(|| self.value(name).map(|v| v.exponents.as_slice()))
    }

    /// The first, which is the only one that the chip reads of a value.
    fn input_exponent(&self, node: &Node, index: usize) -> Option<i64> {
        self.exponents(node.inputs.get(index)?)?.first().copied()
    }

    fn output_exponent(&self, node: &Node) -> Option<i64> {
        self.exponents(node.outputs.first()?)?.first().copied()
    }
}

/// The attribute, where it names a type that ESP-DL knows.
fn quant_type(node: &Node) -> Option<QuantType> {
    QuantType::from_name(node.text("quant_type")?)
}

fn is_whole_number(node: &Node) -> bool {
    matches!(quant_type(node), Some(QuantType::S8 | QuantType::S16))
}

fn integers(tensor: &Tensor) -> Vec<i64> {
    match tensor.data_type {
        DataType::Int32 => tensor.bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
        DataType::Int64 => tensor.bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
