//! Graph under construction, and the values that stand for the program's tensors.
//!
//! Nodes are listed with the calls that they come from; names are given when the list is complete, since the exporter names
//! what is left of it. Never: operators of ATen.

pub mod ahead;
mod arguments;
mod common;
mod finish;
mod fuse;
mod inputs;
mod late;
pub mod names;
mod nodes;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::lengths::Symbols;
use super::ops::Operator;
use super::program::{Program, written_buffer};
use super::schema::{Argument, Named, Node, Text};
use super::{ops, refuse};
use crate::graph::{Graph, ValueId};
use crate::model::Shapes;
use crate::model::unique::Names;
use crate::{Error, Result, bail};
use common::{Common, Computed};
use names::Scopes;
use nodes::Step;

pub use arguments::{Operand, front};
pub use nodes::filled;

/// Operator set of the graph.
const OPSET: i64 = 18;

/// Graph under construction.
pub struct Lowering<'a> {
    pub program: &'a Program<'a>,
    /// Operators of the program's nodes.
    operators: &'a [Option<Operator>],
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
    /// Names of modules, by their stacks.
    modules: Scopes<'a>,
    /// Modules around the node at hand.
    stack: &'a str,
    /// Outputs of nodes by what they compute, so that no node is there twice.
    common: Common<'a>,
    sharing: Sharing<'a>,
    /// Elements of constants since the last node.
    made: usize,
}

/// Tensors that share memory, so that a write to one changes the others.
pub struct Sharing<'a> {
    /// Tensor whose memory another one is a part of.
    roots: HashMap<&'a str, &'a str>,
    parts: HashMap<&'a str, Vec<&'a str>>,
    /// Nodes that take a part of a tensor, by their output.
    takers: HashMap<&'a str, Call<'a>>,
    readers: HashMap<&'a str, Readers>,
    /// Tensors that a node writes.
    written: HashSet<&'a str>,
}

/// Readers of a tensor.
#[derive(Default)]
struct Readers {
    /// Number of times that it is read, by nodes and as an output of the model.
    count: usize,
    /// Last node that reads it.
    last: usize,
}

/// Node of the program at hand.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub node: &'a Node<'a>,
    pub at: usize,
}

impl<'a> Lowering<'a> {
    pub fn new(program: &'a Program<'a>, operators: &'a [Option<Operator>], sharing: Sharing<'a>) -> Lowering<'a> {
        Lowering {
            program,
            operators,
            graph: Graph { opset: OPSET, ..Graph::default() },
            shapes: Shapes::new(),
            symbols: Symbols::new(),
            held: HashMap::with_capacity(program.graph().tensor_values.len()),
            tied: HashMap::default(),
            late: HashMap::default(),
            steps: Vec::new(),
            known: Vec::new(),
            makers: HashMap::with_capacity(program.graph().nodes.len()),
            names: HashMap::with_capacity(program.graph().tensor_values.len()),
            modules: Scopes::of(program.graph().nodes.len()),
            stack: "",
            common: HashMap::with_capacity(program.graph().nodes.len()),
            sharing,
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
        let Some(operator) = self.operators.get(call.at).copied().flatten() else { bail!("is not supported") };
        let computed = self.computed(call);
        if let Some(known) = computed.as_ref().and_then(|computed| self.common.get(computed)) {
            self.held.extend(outputs(call.node).zip(known.iter().copied()));
            return Ok(());
        }
        (operator.lower)(self, call)?;
        self.program.claim(std::mem::take(&mut self.made))?;
        if operator.shares {
            self.share(call);
        }
        if operator.writes {
            self.write(call)?;
        }
        if let Some(computed) = computed {
            let made = outputs(call.node).filter_map(|name| self.held.get(name)).copied().collect();
            self.common.insert(computed, made);
        }
        Ok(())
    }

    /// Returns what a node computes, if another one that computes it again can take its result.
    fn computed(&self, call: Call<'a>) -> Option<Computed<'a>> {
        let is_written = tensors(call.node).chain(outputs(call.node)).any(|name| self.sharing.written.contains(name));
        let is_optional = |named: &Named| matches!(named.arg, Argument::OptionalTensors(_));
        let may_share = !is_written && !call.node.inputs.iter().any(is_optional);
        may_share.then(|| Computed::of(call, &self.held))
    }

    /// Takes down that the output of a node is a part of its first input, or the same memory.
    fn share(&mut self, call: Call<'a>) {
        let Some(input) = tensors(call.node).next() else { return };
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
        let is_written = |name: &str| {
            let root = roots.get(name).copied().unwrap_or(name);
            let shared = parts.get(root).into_iter().flatten();
            shared.copied().chain([name, root]).any(|name| written.contains(name))
        };
        tensors(call.node).next().into_iter().chain(outputs(call.node).next()).any(is_written)
    }

    /// Makes the tensors again that a written one is a part of; the old values with the new ones.
    fn rebuild(&mut self, part: &'a str, new: ValueId) -> Result<Vec<(ValueId, ValueId)>> {
        let (mut part, mut new, mut rebuilt) = (part, new, Vec::new());
        while let Some(&call) = self.sharing.takers.get(part) {
            let Some(whole) = tensors(call.node).next() else { break };
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
        let (Some(target), Some(output)) = (tensors(call.node).next(), outputs(call.node).next()) else {
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
            } else if self.sharing.readers.get(name).is_some_and(|readers| readers.last > call.at) {
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
    pub fn of(program: &'a Program<'a>, operators: &[Option<Operator>]) -> Sharing<'a> {
        let mut sharing = Sharing {
            roots: HashMap::default(),
            parts: HashMap::default(),
            takers: HashMap::default(),
            readers: HashMap::with_capacity(program.graph().tensor_values.len()),
            written: HashSet::default(),
        };
        let nodes = &program.graph().nodes;
        for (at, node) in nodes.iter().enumerate() {
            if operators.get(at).copied().flatten().is_some_and(|operator| operator.writes) {
                sharing.written.extend(tensors(node).next());
            }
            tensors(node).for_each(|name| sharing.read(name, at));
        }
        program.outputs.iter().for_each(|name| sharing.read(name, nodes.len()));
        sharing
    }

    fn read(&mut self, name: &'a str, at: usize) {
        let readers = self.readers.entry(name).or_default();
        *readers = Readers { count: readers.count + 1, last: at };
    }

    /// Returns the only node that reads a tensor, once.
    fn only_reader(&self, name: &str) -> Option<usize> {
        self.readers.get(name).filter(|readers| readers.count == 1).map(|readers| readers.last)
    }
}

/// Lists the tensors that a node reads.
pub fn tensors<'a>(node: &'a Node) -> impl Iterator<Item = &'a str> {
    node.inputs.iter().flat_map(|named| named_tensors(&named.arg))
}

/// Lists the tensors that a node makes.
pub fn outputs<'a>(node: &'a Node) -> impl Iterator<Item = &'a str> {
    node.outputs.iter().flat_map(named_tensors)
}

fn named_tensors<'a>(argument: &'a Argument) -> impl Iterator<Item = &'a str> {
    let (one, all, some): (Option<&Text>, &[Text], &[Option<Text>]) = match argument {
        Argument::Tensor(name) => (Some(name), &[], &[]),
        Argument::Tensors(names) => (None, names, &[]),
        Argument::OptionalTensors(names) => (None, &[], names),
        _ => (None, &[], &[]),
    };
    one.into_iter().chain(all).chain(some.iter().flatten()).map(|name| &**name)
}
