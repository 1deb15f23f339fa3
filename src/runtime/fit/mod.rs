//! Checks of a file against a chip: whether ESP-DL's loader takes it and its kernels run it as it was meant.
//!
//! What shows without running it; accuracy is not asked for. Forms of operators are limits, which graphs are held
//! against, too; here is what only a file has: kernels by width, packed weights, tables, the whole.

mod kernels;
mod tables;
mod weights;
mod whole;

use std::collections::HashMap;

use serde::Serialize;

use super::limits::{self, FileNode};
use crate::chip::{Chip, Family, QuantType, Runtime, Target};
use crate::espdl::{Entry, Model, Node, Tensor, ValueInfo};
use crate::ops;

/// A fault of a node and what to do about it.
type Fault = (String, &'static str);

type Rule = fn(&Context, &Node, &Chip) -> Option<Fault>;

const RULES: &[Rule] =
    &[kernels::width, weights::activation, weights::layout, weights::per_channel, weights::bias, tables::table];

/// One reason why a model does not run right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misfit {
    /// Empty: the file as a whole.
    pub node: String,
    pub what: String,
    pub help: &'static str,
}

/// All reasons; none means that the model fits.
pub fn fit(entry: &Entry, target: Target, runtime: Runtime) -> Vec<Misfit> {
    let context = Context::new(&entry.model, target);
    let mut misfits = whole::check(entry, &context);
    for node in &entry.model.graph.nodes {
        let misfit = |(what, help): Fault| Misfit { node: node.name.clone(), what, help };
        let Some(chip) = ops::on_chip(&node.op).filter(|chip| chip.has_module()) else {
            misfits.push(misfit(kernels::missing(node)));
            continue;
        };
        let Context { tensors, values, family, .. } = &context;
        let view = FileNode { node, tensors, values, family: *family, runtime };
        let broken = limits::of_node(&view).map(|(what, limit)| (what, limit.help));
        let found = broken.chain(RULES.iter().filter_map(|rule| rule(&context, node, chip)));
        misfits.extend(found.map(misfit));
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
}

/// The attribute, where it names a type that ESP-DL knows.
fn quant_type(node: &Node) -> Option<QuantType> {
    QuantType::from_name(node.text("quant_type")?)
}

#[cfg(test)]
mod tests;
