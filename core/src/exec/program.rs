//! Graph prepared for running, either completely or from one node on.

use std::ops::Range;
use std::sync::Arc;

use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::parallel;
use crate::{Error, Result, bail};

use super::frontier::Frontier;
use super::prepare::{self, Source, Step, narrow, widen};
use super::{NodeSimulation, fake_quantize};

/// Graph with one simulation, prepared once and shared by threads.
///
/// Steps are the graph's nodes in order, which is topological.
pub struct Program {
    names: Vec<String>,
    pub(super) steps: Vec<Arc<Step>>,
    /// Inputs, by node and port, that are the last to read their value.
    pub(super) last_uses: Vec<Vec<bool>>,
    /// Relu or Clip of each node that its kernel includes if no caller wants the value between them.
    clamps: Vec<Option<Clamp>>,
    inputs: Vec<ValueId>,
    pub(super) outputs: Vec<ValueId>,
    values: usize,
    /// Nodes that read each value.
    pub(super) readers: Vec<Vec<NodeId>>,
}

/// `[low, high]` of a Relu or Clip, and its node.
#[derive(Debug, Clone, Copy)]
struct Clamp {
    node: NodeId,
    low: f32,
    high: f32,
}

/// Values of one sample that were kept.
pub struct Trace {
    values: Vec<Option<Tensor>>,
}

impl Trace {
    /// Returns a value that was requested when the trace was made.
    pub fn value(&self, id: ValueId) -> Option<&Tensor> {
        self.values[id.0].as_ref()
    }
}

/// Callback for each value as soon as it exists: model inputs, then the nodes' outputs (after quantization, if
/// simulated).
pub type OnValue<'a> = &'a mut dyn FnMut(ValueId, &Tensor) -> Result<()>;

impl Program {
    /// Prepares the graph in float.
    pub fn float(graph: &Graph) -> Result<Program> {
        Program::simulated(graph, &[])
    }

    /// Prepares the graph with each node simulated according to its entry; an empty slice means float.
    pub fn simulated(graph: &Graph, simulation: &[Option<NodeSimulation>]) -> Result<Program> {
        Program::prepared(graph, simulation, |_| None)
    }

    /// Prepares the graph again with another simulation. The nodes that are the same, with the same constants, are taken
    /// from this program.
    pub fn with_simulation(
        &self,
        graph: &Graph,
        simulation: &[Option<NodeSimulation>],
        is_same: impl Fn(NodeId) -> bool + Sync,
    ) -> Result<Program> {
        Program::prepared(graph, simulation, |node| self.steps.get(node.0).filter(|_| is_same(node)).cloned())
    }

    fn prepared(
        graph: &Graph,
        simulation: &[Option<NodeSimulation>],
        known: impl Fn(NodeId) -> Option<Arc<Step>> + Sync,
    ) -> Result<Program> {
        let step = |n: usize| match known(NodeId(n)) {
            Some(step) => Ok(step),
            None => prepare::step(graph, NodeId(n), simulation.get(n).and_then(Option::as_ref)).map(Arc::new),
        };
        let steps = parallel::try_map(graph.nodes.len(), step)?;
        let mut program = Program {
            names: graph.nodes.iter().map(|n| n.name.clone()).collect(),
            clamps: vec![None; steps.len()],
            last_uses: last_uses(&steps, &graph.outputs, graph.values.len()),
            steps,
            inputs: graph.inputs.clone(),
            outputs: graph.outputs.clone(),
            values: graph.values.len(),
            readers: readers(graph),
        };
        program.find_clamps(graph);
        Ok(program)
    }

    /// Finds kernels that can include the Relu or Clip after them: nothing else reads their output, and nothing is
    /// quantized between the two.
    fn find_clamps(&mut self, graph: &Graph) {
        for (n, step) in self.steps.iter().enumerate() {
            let [output] = step.outputs.as_slice() else { continue };
            let Some(value) = output.value else { continue };
            let &[next] = self.readers[value.0].as_slice() else { continue };
            if !step.kernel.can_clamp() || output.quantize.is_some() || self.outputs.contains(&value) {
                continue;
            }
            let after = &self.steps[next.0];
            let untouched = matches!(&after.inputs[0], Source::Value { value: v, quantize: None, .. } if *v == value);
            if untouched
                && after.wide == step.wide
                && let Some((low, high)) = clamp_range(graph, next, after)
            {
                self.clamps[n] = Some(Clamp { node: next, low, high });
            }
        }
    }

    /// Returns the values that a kernel with a clamp computes, with their greatest possible magnitude.
    pub fn bounded(&self) -> impl Iterator<Item = (ValueId, f64)> {
        self.clamps.iter().flatten().filter_map(|clamp| {
            let most = f64::from(clamp.low.abs().max(clamp.high.abs()));
            let value = self.steps[clamp.node.0].outputs.first()?.value?;
            most.is_finite().then_some((value, most))
        })
    }

    /// Runs one sample and returns the model's outputs in order. `wanted` selects the values that `on_value` gets;
    /// other values may never exist.
    pub fn run(&self, inputs: &[Tensor], wanted: &[bool], on_value: OnValue) -> Result<Vec<Tensor>> {
        let mut frontier = self.begin(inputs)?;
        self.show_inputs(&frontier, wanted, on_value)?;
        self.proceed(&mut frontier, NodeId(self.steps.len()), wanted, on_value)?;
        self.outputs(&frontier)
    }

    /// Returns the first node that makes a `wanted` value; the first of all if an input of the model is one.
    pub fn first_maker(&self, wanted: &[bool]) -> NodeId {
        let is_wanted = |value: &ValueId| wanted.get(value.0) == Some(&true);
        if self.inputs.iter().any(is_wanted) {
            return NodeId(0);
        }
        let makes =
            |step: &Arc<Step>| step.outputs.iter().filter_map(|output| output.value).any(|value| is_wanted(&value));
        NodeId(self.steps.iter().position(makes).unwrap_or(self.steps.len()))
    }

    /// Returns `true` if one of `nodes` reads the value.
    pub fn reads(&self, value: ValueId, nodes: Range<NodeId>) -> bool {
        self.readers[value.0].iter().any(|reader| nodes.contains(reader))
    }

    /// Runs one sample up to the last value that is `wanted`, and passes those to `on_value`.
    pub fn observe(&self, inputs: &[Tensor], wanted: &[bool], on_value: OnValue) -> Result<()> {
        self.observe_from(self.begin(inputs)?, &[], wanted, on_value).map(drop)
    }

    /// Runs a sample from a frontier, as [`Program::observe`] does from its inputs. Returns the frontiers at the nodes in `kept`,
    /// which ascend, as far as it runs.
    pub fn observe_from(
        &self,
        mut frontier: Frontier,
        kept: &[NodeId],
        wanted: &[bool],
        on_value: OnValue,
    ) -> Result<Vec<Frontier>> {
        let is_wanted = |value: ValueId| wanted.get(value.0) == Some(&true);
        let last = self.steps.iter().rposition(|s| s.outputs.iter().filter_map(|o| o.value).any(is_wanted));
        let until = last.map_or(0, |n| n + 1).max(frontier.next);
        self.show_inputs(&frontier, wanted, on_value)?;
        self.proceed_to(&mut frontier, until, kept, wanted, on_value)
    }

    /// Shows the inputs of a sample that begins.
    fn show_inputs(&self, frontier: &Frontier, wanted: &[bool], on_value: OnValue) -> Result<()> {
        let begins = frontier.next == 0;
        self.inputs.iter().filter(|_| begins).try_for_each(|&id| self.show(id, &frontier.values, wanted, on_value))
    }

    /// Begins a sample: its inputs exist, and no node has run.
    pub fn begin(&self, inputs: &[Tensor]) -> Result<Frontier> {
        Ok(Frontier { values: self.feed(inputs)?, next: 0, done: vec![false; self.steps.len()] })
    }

    /// Begins a run with those of its inputs that are known; [`Frontier::set`] gives it the others before they are read.
    pub fn begin_with(&self, inputs: impl IntoIterator<Item = (ValueId, Tensor)>) -> Frontier {
        let mut values = vec![None; self.values];
        inputs.into_iter().for_each(|(id, tensor)| values[id.0] = Some(tensor));
        Frontier { values, next: 0, done: vec![false; self.steps.len()] }
    }

    /// Runs the nodes before `until` that have not run yet. `wanted` selects the values that `on_value` gets.
    pub fn proceed(&self, frontier: &mut Frontier, until: NodeId, wanted: &[bool], on_value: OnValue) -> Result<()> {
        let Frontier { values, next, done } = frontier;
        let until = until.0.max(*next);
        for n in std::mem::replace(next, until)..until {
            if done[n] {
                continue;
            }
            let last = self.run_node(n, values, wanted)?;
            done[last] = true;
            for output in &self.steps[last].outputs {
                if let Some(value) = output.value {
                    self.show(value, values, wanted, on_value)?;
                    if self.readers[value.0].is_empty() && !self.outputs.contains(&value) {
                        values[value.0] = None;
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the model's outputs in order, of a sample whose nodes have all run.
    pub fn outputs(&self, frontier: &Frontier) -> Result<Vec<Tensor>> {
        self.outputs.iter().map(|&id| frontier.values[id.0].clone().map(narrow).ok_or_else(missing)).collect()
    }

    /// Runs the nodes before `until` that have not run yet; returns the frontiers at the nodes in `kept` on the way.
    fn proceed_to(
        &self,
        frontier: &mut Frontier,
        until: usize,
        kept: &[NodeId],
        wanted: &[bool],
        on_value: OnValue,
    ) -> Result<Vec<Frontier>> {
        let mut frontiers = Vec::new();
        let from = frontier.next;
        for node in kept.iter().filter(|node| (from + 1..until).contains(&node.0)) {
            self.proceed(frontier, *node, wanted, on_value)?;
            if frontier.is_between_kernels() {
                frontiers.push(frontier.clone());
            }
        }
        self.proceed(frontier, NodeId(until), wanted, on_value)?;
        Ok(frontiers)
    }

    /// Runs the next node of a sample as `changed` does, alone.
    pub fn proceed_as(&self, changed: &Program, frontier: &mut Frontier) -> Result<()> {
        let Some(node) = Some(frontier.next).filter(|&node| node < self.steps.len()) else { return Ok(()) };
        let outputs = changed.outputs_of(NodeId(node), frontier)?;
        self.advance(NodeId(node), outputs, frontier);
        (frontier.next, frontier.done[node]) = (node + 1, true);
        Ok(())
    }

    /// Runs a sample from a frontier up to node `until`, and keeps values for [`Program::run_from`]: those of the frontier, those in
    /// `wanted` (the inputs of the nodes that are to change), and all that are not internal to a kernel with its clamp.
    pub fn trace(&self, from: Frontier, until: NodeId, wanted: &[bool]) -> Result<Trace> {
        let Frontier { mut values, next, mut done } = from;
        for n in next..until.0 {
            if done[n] {
                continue;
            }
            let fuse = self.may_fuse(n, wanted);
            let (last, outputs) = self.compute(n, |value, _| values[value.0].clone(), fuse)?;
            done[last] = true;
            for (value, tensor) in outputs {
                values[value.0] = Some(tensor);
            }
        }
        Ok(Trace { values })
    }

    /// Returns the model's outputs in order, from a trace up to the last node.
    pub fn traced_outputs(&self, trace: &Trace) -> Result<Vec<Tensor>> {
        self.outputs.iter().map(|&id| trace.value(id).cloned().map(narrow).ok_or_else(missing)).collect()
    }

    /// Returns the model's outputs with `node` run by `changed` on the values of `trace`, and all nodes that depend on
    /// it run by `self`. Other values are taken from `trace`, which `self` has made.
    pub fn run_from(&self, changed: &Program, node: NodeId, trace: &Trace) -> Result<Vec<Tensor>> {
        let mut values: Vec<Option<Tensor>> = vec![None; self.values];
        let mut done = vec![false; self.steps.len()];
        let read = |value: ValueId, trace: &Trace| trace.values[value.0].clone();
        let (_, outputs) = changed.compute(node.0, |value, _| read(value, trace), false)?;
        done[node.0] = true;
        for (value, tensor) in outputs {
            values[value.0] = Some(tensor);
        }
        for n in node.0 + 1..self.steps.len() {
            let dirty = |s: &Source| matches!(s, Source::Value { value, .. } if values[value.0].is_some());
            if done[n] || !self.steps[n].inputs.iter().any(dirty) {
                continue;
            }
            let take = |value: ValueId, last_use: bool| {
                let own = if last_use { values[value.0].take() } else { values[value.0].clone() };
                own.or_else(|| read(value, trace))
            };
            let (last, outputs) = self.compute(n, take, true)?;
            done[last] = true;
            for (value, tensor) in outputs {
                values[value.0] = Some(tensor);
            }
        }
        let outputs = self.outputs.iter().map(|&v| values[v.0].clone().or_else(|| read(v, trace)));
        outputs.map(|t| t.map(narrow).ok_or_else(missing)).collect()
    }

    /// Returns the outputs of one node on the values of a trace.
    pub fn outputs_on(&self, node: NodeId, trace: &Trace) -> Result<Vec<(ValueId, Tensor)>> {
        Ok(self.compute(node.0, |value, _| trace.values[value.0].clone(), false)?.1)
    }

    pub(super) fn feed(&self, inputs: &[Tensor]) -> Result<Vec<Option<Tensor>>> {
        if inputs.len() != self.inputs.len() {
            bail!("the model has {} inputs, but the sample has {}", self.inputs.len(), inputs.len());
        }
        let mut values = vec![None; self.values];
        for (&id, tensor) in self.inputs.iter().zip(inputs) {
            values[id.0] = Some(tensor.clone());
        }
        Ok(values)
    }

    fn show(&self, id: ValueId, values: &[Option<Tensor>], wanted: &[bool], on_value: OnValue) -> Result<()> {
        match &values[id.0] {
            Some(tensor) if wanted.get(id.0) == Some(&true) => on_value(id, tensor),
            _ => Ok(()),
        }
    }

    /// Runs node `n` (and the clamp after it, unless its output is wanted) and returns the last node that ran.
    fn run_node(&self, n: usize, values: &mut [Option<Tensor>], wanted: &[bool]) -> Result<usize> {
        let fuse = self.may_fuse(n, wanted);
        let take = |value: ValueId, last: bool| if last { values[value.0].take() } else { values[value.0].clone() };
        let (last, outputs) = self.compute(n, take, fuse)?;
        for (value, tensor) in outputs {
            values[value.0] = Some(tensor);
        }
        Ok(last)
    }

    /// Returns `true` if node `n` and its clamp can run as one: no caller wants the value between them.
    fn may_fuse(&self, n: usize, wanted: &[bool]) -> bool {
        let between = self.steps[n].outputs.first().and_then(|o| o.value);
        between.is_none_or(|v| wanted.get(v.0) != Some(&true))
    }

    /// Runs node `n`, fused with its clamp if it has one and `fuse` allows it. `take` returns a value; its second
    /// argument says whether this is the last use.
    pub(super) fn compute(
        &self,
        n: usize,
        mut take: impl FnMut(ValueId, bool) -> Option<Tensor>,
        fuse: bool,
    ) -> Result<(usize, Vec<(ValueId, Tensor)>)> {
        let step = &self.steps[n];
        let clamp = self.clamps[n].filter(|_| fuse);
        let mut compute = || {
            let sources = step.inputs.iter().zip(&self.last_uses[n]);
            let inputs = sources.map(|(source, &last)| input(source, step.wide, |value| take(value, last)));
            let inputs: Vec<Option<Tensor>> = inputs.collect::<Result<_>>()?;
            match clamp {
                Some(c) => step.kernel.run_clamped(inputs, c.low, c.high),
                None => step.kernel.run(inputs),
            }
        };
        const LOOK: &str =
            "check the inputs of this layer: the samples must have the preprocessing that the model expects";
        let tensors = compute().map_err(|e: Error| e.in_layer(&self.names[n]).with_help(LOOK))?;
        let last = clamp.map_or(n, |c| c.node.0);
        let named = self.steps[last].outputs.iter().zip(tensors).filter_map(|(o, t)| Some((o.value?, t, &o.quantize)));
        let outputs = named.map(|(value, tensor, quantize)| match quantize {
            // Values quantized to 16 bits or fewer are exact in float32 again.
            Some(q) => fake_quantize(tensor, q).map(|t| (value, narrow(t))),
            None => Ok((value, tensor)),
        });
        Ok((last, outputs.collect::<Result<_>>().map_err(|e| e.in_layer(&self.names[last]))?))
    }
}

/// Returns the size of values in bytes; a tensor shared by two of them counts twice.
pub(super) fn bytes(values: &[Option<Tensor>]) -> usize {
    values.iter().flatten().map(|t| t.len() * t.data_type().size()).sum()
}

fn missing() -> Error {
    Error::new("an output of the model is computed by no layer")
}

pub(super) fn input(
    source: &Source,
    wide: bool,
    take: impl FnOnce(ValueId) -> Option<Tensor>,
) -> Result<Option<Tensor>> {
    match source {
        Source::Absent => Ok(None),
        Source::Constant(tensor) => Ok(Some(tensor.clone())),
        Source::Value { value, quantize } => {
            let tensor = take(*value).ok_or_else(|| Error::new("an input is computed by no earlier layer"))?;
            let tensor = match quantize {
                Some(q) => fake_quantize(tensor, q)?,
                None => tensor,
            };
            Ok(Some(if wide { widen(tensor) } else { narrow(tensor) }))
        }
    }
}

/// Marks the last reads, which need no copy; outputs of the model are read at the end.
fn last_uses(steps: &[Arc<Step>], outputs: &[ValueId], values: usize) -> Vec<Vec<bool>> {
    let mut seen = vec![false; values];
    outputs.iter().for_each(|output| seen[output.0] = true);
    let mut is_last = |source: &Source| match source {
        Source::Value { value, .. } => !std::mem::replace(&mut seen[value.0], true),
        Source::Absent | Source::Constant(_) => false,
    };
    let mut marks: Vec<Vec<bool>> = steps
        .iter()
        .rev()
        .map(|step| {
            let mut marks: Vec<bool> = step.inputs.iter().rev().map(&mut is_last).collect();
            marks.reverse();
            marks
        })
        .collect();
    marks.reverse();
    marks
}

fn readers(graph: &Graph) -> Vec<Vec<NodeId>> {
    graph.consumers().into_iter().map(|ports| ports.into_iter().map(|(node, _)| node).collect()).collect()
}

/// Returns the range of a node that only clamps: Relu, or Clip with constant bounds.
fn clamp_range(graph: &Graph, id: NodeId, step: &Step) -> Option<(f32, f32)> {
    let node = graph.node(id);
    let bound = |port: usize, attribute: &str, default: f32| match step.inputs.get(port) {
        Some(Source::Constant(Tensor::F32(a))) => a.first().copied(),
        Some(Source::Constant(Tensor::F64(a))) => a.first().map(|&v| v as f32),
        Some(Source::Absent) | None => Some(node.attributes.float_or(attribute, default)),
        _ => None,
    };
    match node.op.as_str() {
        "Relu" => Some((0.0, f32::INFINITY)),
        "Clip" => Some((bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?)),
        _ => None,
    }
}
