//! Graph under construction, and the values that stand for the program's tensors.
//!
//! Nodes are listed with the calls that they come from; names are given when the list is complete, since the exporter names
//! what is left of it. Never: operators of ATen.

mod arguments;
mod finish;
mod fuse;
mod inputs;
mod late;
pub mod names;
mod nodes;

use std::collections::HashMap;

use super::lengths::Symbols;
use super::program::{Program, written_buffer};
use super::schema::{Argument, Node};
use super::{ops, refuse};
use crate::graph::{Graph, ValueId};
use crate::model::Shapes;
use crate::model::unique::Names;
use crate::{Error, Result, bail};
use nodes::Step;

pub use arguments::{Operand, front};
pub use nodes::filled;

/// Operator set of the graph.
const OPSET: i64 = 18;

/// Graph under construction.
pub struct Lowering<'a> {
    pub program: &'a Program<'a>,
    pub graph: Graph,
    /// Shapes of the inputs that are known.
    pub shapes: Shapes,
    symbols: Symbols,
    /// Values by the program's names.
    held: HashMap<&'a str, ValueId>,
    /// Constants by their storage, for tied weights.
    tied: HashMap<(&'a str, &'a str), Vec<ValueId>>,
    /// Weights whose elements are still only in the file.
    late: late::All<'a>,
    /// Nodes, and names that the exporter uses up, in order.
    steps: Vec<Step<'a>>,
    /// Values that do not depend on the inputs, by id.
    known: Vec<bool>,
    /// Steps that make each value.
    makers: HashMap<ValueId, usize>,
    /// Names of values.
    names: Names,
    /// Modules around the node at hand.
    stack: &'a str,
    /// Outputs of nodes by what they compute, so that no node is there twice.
    common: HashMap<String, Vec<ValueId>>,
    sharing: Sharing<'a>,
    /// Elements of constants since the last node.
    made: usize,
}

/// Tensors that share memory, so that a write to one changes the others.
struct Sharing<'a> {
    /// Tensor whose memory another one is a part of.
    roots: HashMap<&'a str, &'a str>,
    parts: HashMap<&'a str, Vec<&'a str>>,
    /// Nodes that take a part of a tensor, by their output.
    takers: HashMap<&'a str, Call<'a>>,
    /// Last node that reads each tensor.
    last: HashMap<&'a str, usize>,
    /// Number of times that each tensor is read, by nodes and as outputs of the model.
    readers: HashMap<&'a str, usize>,
    /// Tensors that a node writes.
    written: HashMap<&'a str, ()>,
}

/// Node of the program at hand.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub node: &'a Node<'a>,
    pub at: usize,
}

impl<'a> Lowering<'a> {
    pub fn new(program: &'a Program<'a>) -> Lowering<'a> {
        Lowering {
            program,
            graph: Graph { opset: OPSET, ..Graph::default() },
            shapes: Shapes::new(),
            symbols: Symbols::new(),
            held: HashMap::new(),
            tied: HashMap::new(),
            late: HashMap::new(),
            steps: Vec::new(),
            known: Vec::new(),
            makers: HashMap::new(),
            names: Names::new(),
            stack: "",
            common: HashMap::new(),
            sharing: Sharing::of(program),
            made: 0,
        }
    }

    /// Lowers every node of the program.
    pub fn nodes(&mut self) -> Result<()> {
        let program = self.program;
        for (at, node) in program.graph().nodes.iter().enumerate() {
            if refuse::is_of_lengths(node) {
                continue;
            }
            let lowered = self.lower(Call { node, at });
            lowered.map_err(|e| match e.layer() {
                Some(_) => e,
                None => self.at(node, e),
            })?;
        }
        Ok(())
    }

    fn at(&self, node: &Node, error: Error) -> Error {
        let subject = format!("{}{}", node.target.trim_start_matches("torch.ops."), refuse::place(node));
        error
            .about(&subject)
            .in_layer(refuse::title(node))
            .with_help("the file is damaged, or of a newer PyTorch: save the program again")
    }

    fn lower(&mut self, call: Call<'a>) -> Result<()> {
        self.stack = &call.node.metadata.nn_module_stack;
        let Some(operator) = ops::find(&call.node.target) else { bail!("is not supported") };
        let key = self.key(call)?;
        if let Some(known) = key.as_ref().and_then(|key| self.common.get(key)).cloned() {
            return self.set_all(call, &known);
        }
        (operator.lower)(self, call)?;
        self.program.claim(std::mem::take(&mut self.made))?;
        if operator.shares {
            self.share(call);
        }
        if operator.writes {
            self.write(call)?;
        }
        if let Some(key) = key {
            let made: Vec<ValueId> =
                outputs(call.node).iter().filter_map(|name| self.held.get(name)).copied().collect();
            self.common.insert(key, made);
        }
        Ok(())
    }

    /// Returns what a node computes, if another one that computes it again can take its result.
    fn key(&self, call: Call<'a>) -> Result<Option<String>> {
        let mut key = call.node.target.to_string();
        let names = tensors(call.node).into_iter().chain(outputs(call.node));
        if names.into_iter().any(|name| self.sharing.written.contains_key(name)) {
            return Ok(None);
        }
        for named in &call.node.inputs {
            let values: Vec<Option<ValueId>> = match &named.arg {
                Argument::Tensor(name) => vec![self.held.get(&**name).copied()],
                Argument::Tensors(names) => names.iter().map(|name| self.held.get(&**name).copied()).collect(),
                Argument::OptionalTensors(_) => return Ok(None),
                _ => Vec::new(),
            };
            // Constants have no value before their first reader.
            match values.contains(&None) || values.is_empty() {
                true => key.push_str(&format!(" {}={:?}", named.name, named.arg)),
                false => key.push_str(&format!(" {}={values:?}", named.name)),
            }
        }
        Ok(Some(key))
    }

    /// Takes down that the output of a node is a part of its first input, or the same memory.
    fn share(&mut self, call: Call<'a>) {
        let Some(&input) = tensors(call.node).first() else { return };
        let root = self.sharing.roots.get(input).copied().unwrap_or(input);
        for output in outputs(call.node) {
            self.sharing.roots.insert(output, root);
            self.sharing.parts.entry(root).or_default().push(output);
            self.sharing.takers.insert(output, call);
        }
    }

    /// Returns `true` for nodes whose first input or output has memory that a node writes.
    pub fn is_written(&self, call: Call<'a>) -> bool {
        let Sharing { roots, parts, written, .. } = &self.sharing;
        let is_written = |name: &&str| {
            let root = roots.get(name).unwrap_or(name);
            let shared = parts.get(root).into_iter().flatten();
            shared.chain([name, root]).any(|name| written.contains_key(name))
        };
        tensors(call.node).first().into_iter().chain(outputs(call.node).first()).any(is_written)
    }

    /// Makes the tensors again that a written one is a part of; the old values with the new ones.
    fn rebuild(&mut self, part: &'a str, new: ValueId) -> Result<Vec<(ValueId, ValueId)>> {
        let (mut part, mut new, mut rebuilt) = (part, new, Vec::new());
        while let Some(&call) = self.sharing.takers.get(part) {
            let Some(&whole) = tensors(call.node).first() else { break };
            if let Some(name) = self.program.names.get(whole) {
                return Err(written_buffer(name));
            }
            let Some(old) = self.held.get(whole).copied() else { break };
            let Some(around) = ops::write::around(self, call, new)? else { break };
            rebuilt.push((old, around));
            (part, new) = (whole, around);
        }
        Ok(rebuilt)
    }

    /// Gives the tensor that a node writes its new value.
    fn write(&mut self, call: Call<'a>) -> Result<()> {
        let (Some(&target), Some(&output)) = (tensors(call.node).first(), outputs(call.node).first()) else {
            bail!("writes nothing")
        };
        if let Some(name) = self.program.names.get(target) {
            return Err(written_buffer(name));
        }
        let (old, new) = (self.held.get(target).copied(), self.value_of(output)?);
        let mut changed = self.rebuild(target, new)?;
        changed.extend(old.map(|old| (old, new)));
        let root = self.sharing.roots.get(target).copied().unwrap_or(target);
        let mut shared = self.sharing.parts.get(root).cloned().unwrap_or_default();
        shared.push(root);
        for name in shared {
            if name == output {
                continue;
            }
            let held = self.held.get(name).copied();
            if let Some((_, new)) = changed.iter().rev().find(|(old, _)| held == Some(*old)) {
                self.held.insert(name, *new);
            } else if self.sharing.last.get(name).is_some_and(|&last| last > call.at) {
                let what = "writes into a tensor of which another part or shape is read later";
                let help = "use the form that returns a new tensor, such as x = x + y or inplace=False";
                return Err(Error::new(what).with_help(help));
            }
        }
        self.sharing.roots.insert(output, root);
        self.sharing.parts.entry(root).or_default().push(output);
        Ok(())
    }
}

impl<'a> Sharing<'a> {
    fn of(program: &'a Program<'a>) -> Sharing<'a> {
        let mut sharing = Sharing {
            roots: HashMap::new(),
            parts: HashMap::new(),
            takers: HashMap::new(),
            last: HashMap::new(),
            readers: HashMap::new(),
            written: HashMap::new(),
        };
        let nodes = &program.graph().nodes;
        for (at, node) in nodes.iter().enumerate() {
            let read = tensors(node);
            if let (true, Some(first)) = (ops::find(&node.target).is_some_and(|op| op.writes), read.first()) {
                sharing.written.insert(first, ());
            }
            read.into_iter().for_each(|name| sharing.read(name, at));
        }
        program.outputs.iter().for_each(|name| sharing.read(name, nodes.len()));
        sharing
    }

    fn read(&mut self, name: &'a str, at: usize) {
        self.last.insert(name, at);
        *self.readers.entry(name).or_default() += 1;
    }
}

/// Lists the tensors that a node reads.
pub fn tensors<'a>(node: &'a Node) -> Vec<&'a str> {
    node.inputs.iter().flat_map(|named| named_tensors(&named.arg)).collect()
}

/// Lists the tensors that a node makes.
pub fn outputs<'a>(node: &'a Node) -> Vec<&'a str> {
    node.outputs.iter().flat_map(named_tensors).collect()
}

fn named_tensors<'a>(argument: &'a Argument) -> Vec<&'a str> {
    match argument {
        Argument::Tensor(name) => vec![name],
        Argument::Tensors(names) => names.iter().map(|name| &**name).collect(),
        Argument::OptionalTensors(names) => names.iter().flatten().map(|name| &**name).collect(),
        _ => Vec::new(),
    }
}
