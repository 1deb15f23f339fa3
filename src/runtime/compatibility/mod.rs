//! Checks of a file against a chip: ESP-DL's loader must accept it, and its kernels must compute what the file
//! describes.
//!
//! The checks do not run the model or measure accuracy. Forms of operators are checked by limits, as in graphs; the
//! checks here are for properties that only a file has: kernels by width, packed weights, tables, the file itself.

mod file;
mod kernels;
mod scales;
mod tables;
mod weights;

use std::collections::HashMap;

use super::limits::{self, FileNode};
use crate::chip::{Chip, Family, Incompatibility, QuantType, Runtime, Target};
use crate::espdl::{Entry, Model, Node, Tensor, ValueInfo};
use crate::ops;

/// A fault of a node and what to do about it.
type Fault = (String, &'static str);

type Rule = fn(&Context, &Node, &Chip) -> Option<Fault>;

const RULES: &[Rule] = &[
    kernels::width,
    scales::one_exponent,
    weights::activation,
    weights::layout,
    weights::per_channel,
    weights::bias,
    tables::table,
];

/// Returns all reasons; an empty list means that the model is compatible.
pub fn check(entry: &Entry, target: Target, runtime: Runtime) -> Vec<Incompatibility> {
    let context = Context::new(&entry.model, target);
    let mut found = file::check(entry, &context);
    for node in &entry.model.graph.nodes {
        let of = |(what, help): Fault| Incompatibility { node: node.name.clone(), what, help: help.into() };
        let Some(chip) = ops::on_chip(&node.op).filter(|chip| chip.has_module()) else {
            found.push(of(kernels::missing(node)));
            continue;
        };
        let Context { tensors, values, family, .. } = &context;
        let view = FileNode { node, tensors, values, family: *family, runtime };
        let broken = limits::of_node(&view).map(|(what, limit)| (what, limit.help));
        let faults = broken.chain(RULES.iter().filter_map(|rule| rule(&context, node, chip)));
        found.extend(faults.map(of));
    }
    found
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

    /// Returns the constant at input `index`.
    fn constant(&self, node: &Node, index: usize) -> Option<&'m Tensor> {
        self.tensors.get(node.inputs.get(index)?.as_str()).copied()
    }

    fn value(&self, name: &str) -> Option<&'m ValueInfo> {
        self.values.get(name).copied()
    }
}

/// Returns the attribute if it names a type that ESP-DL supports.
fn quant_type(node: &Node) -> Option<QuantType> {
    QuantType::from_name(node.text("quant_type")?)
}

#[cfg(test)]
mod tests;
