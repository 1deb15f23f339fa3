//! Sweep over a quantized network, layer after layer, with all samples: a pass changes a layer's constants on the
//! layer's actual inputs, which come from the changed layers before it.

use std::sync::OnceLock;

use crate::Result;
use crate::exec::{FakeQuant, Frontier, Program, Samples, Tick};
use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::kernels::errors::{add_clamped, clamped_sum};
use crate::kernels::real::Real;
use crate::parallel;
use crate::quant::{Edits, Port, Quantized};

use super::inputs::{Inputs, inputs};
use super::patches::Reader;
use super::weighted::Weighted;

/// Layer whose inputs are available in every sample.
pub struct Layer<'a> {
    pub weighted: &'a Weighted,
    pub graph: &'a Graph,
    pub weights: Option<&'a FakeQuant>,
    pub bias: Option<&'a FakeQuant>,
    /// Least and greatest value that readers see of the output: behind its activation, and on the chip.
    pub range: (f64, f64),
    quantized: Side<'a>,
    /// The float network, if a pass asks for it.
    float: Option<Side<'a>>,
    /// Outputs of the float network's layer, by sample.
    float_outputs: Option<&'a [Outputs]>,
    /// Inputs over all samples, as soon as a pass has asked for them: no pass over the layer changes them.
    inputs: &'a OnceLock<Option<Vec<Inputs>>>,
}

/// One form of the network, with the samples before the layer.
#[derive(Clone, Copy)]
struct Side<'a> {
    program: &'a Program,
    frontiers: &'a [Frontier],
}

/// Outputs of a node in one sample.
type Outputs = Vec<(ValueId, Tensor)>;

/// Range of a value without bounds.
pub const UNBOUNDED: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// Another value for one constant of a layer.
pub struct Change {
    pub value: ValueId,
    pub tensor: Tensor,
    /// New exponents of the weights, if they change.
    pub exponents: Option<Vec<i32>>,
}

/// A pass over the layers with weights.
#[derive(Debug, Clone, Copy)]
pub struct LayerPass {
    /// Returns no change where the layer stays as it is.
    pub run: fn(&Layer) -> Result<Vec<Change>>,
    /// Set if the pass compares with the float network.
    pub needs_float: bool,
}

impl Layer<'_> {
    pub fn samples(&self) -> usize {
        self.quantized.frontiers.len()
    }

    /// Returns the layer's input in one sample, as its kernel reads it.
    pub fn input(&self, sample: usize) -> Result<Option<Tensor>> {
        self.quantized.input(self.weighted.node, sample)
    }

    /// Returns the layer's input in the float network.
    pub fn float_input(&self, sample: usize) -> Result<Option<Tensor>> {
        self.float.map_or(Ok(None), |float| float.input(self.weighted.node, sample))
    }

    /// Returns the inputs over all samples, for all passes; `None` where they are not float.
    pub fn inputs(&self, reader: &Reader) -> Result<Option<&[Inputs]>> {
        let known = match self.inputs.get() {
            Some(known) => known,
            None => {
                let found = inputs(self, reader)?;
                self.inputs.get_or_init(|| found)
            }
        };
        Ok(known.as_deref())
    }

    /// Returns the layer's output in one sample.
    pub fn output(&self, sample: usize) -> Result<Option<Tensor>> {
        self.quantized.output(self.weighted, sample)
    }

    /// Returns the layer's output in the float network.
    pub fn float_output(&self, sample: usize) -> Result<Option<Tensor>> {
        let outputs = self.float_outputs.and_then(|outputs| outputs.get(sample)).into_iter().flatten();
        Ok(outputs.into_iter().find(|(value, _)| *value == self.weighted.output).map(|(_, tensor)| tensor.clone()))
    }
}

impl Side<'_> {
    fn input(&self, node: NodeId, sample: usize) -> Result<Option<Tensor>> {
        self.program.operand(node, 0, &self.frontiers[sample])
    }

    fn output(&self, layer: &Weighted, sample: usize) -> Result<Option<Tensor>> {
        let outputs = self.program.outputs_of(layer.node, &self.frontiers[sample])?;
        Ok(outputs.into_iter().find(|(value, _)| *value == layer.output).map(|(_, tensor)| tensor))
    }
}

/// Runs `passes` on every layer with weights, in the graph's order.
pub fn sweep(quantized: &mut Quantized, samples: &dyn Samples, passes: &[LayerPass], tick: Tick) -> Result<()> {
    let mut graph = quantized.plan().graph.clone();
    let mut simulation = quantized.plan().simulation()?;
    let mut program = Program::simulated(&graph, &simulation)?;
    let (layers, consumers) = (Weighted::all(&graph), graph.consumers());
    let begin = |program: &Program| parallel::try_map(samples.len(), |s| program.begin(&samples.sample(s)?));
    let mut frontiers = begin(&program)?;
    let mut float = match passes.iter().any(|pass| pass.needs_float) {
        true => {
            let program = Program::simulated(&quantized.plan().equivalent, &quantized.plan().reference()?)?;
            let frontiers = begin(&program)?;
            Some((program, frontiers))
        }
        false => None,
    };
    let mut edits = Edits::default();
    for node in graph.node_ids() {
        let found = layers.iter().find(|layer| layer.node == node);
        let known = OnceLock::new();
        let float_outputs = match &float {
            Some((program, frontiers)) => Some(outputs_of(program, node, frontiers)?),
            None => None,
        };
        for pass in found.iter().flat_map(|_| passes) {
            let Some(weighted) = found else { continue };
            let grid = |port: usize| simulation[node.0].as_ref().and_then(|s| s.inputs.get(port)?.as_ref());
            let layer = Layer {
                weighted,
                graph: &graph,
                weights: grid(1),
                bias: grid(2),
                range: range(quantized, &graph, &consumers[weighted.output.0], weighted),
                quantized: Side { program: &program, frontiers: &frontiers },
                float: float.as_ref().map(|(program, frontiers)| Side { program, frontiers }),
                float_outputs: float_outputs.as_deref(),
                inputs: &known,
            };
            let changes = (pass.run)(&layer)?;
            if changes.is_empty() {
                continue;
            }
            for Change { value, tensor, exponents } in changes {
                graph.values[value.0].constant = Some(tensor.clone());
                edits.constants.insert(value, tensor);
                if let Some(exponents) = exponents {
                    quantized.set_weight_exponents(node, exponents);
                    simulation[node.0] = quantized.plan().simulation_of(node)?;
                }
            }
            program.renew(&graph, node, simulation[node.0].as_ref())?;
        }
        parallel::try_change(&mut frontiers, |_, frontier| {
            let outputs = program.outputs_of(node, frontier)?;
            program.advance(node, outputs, frontier);
            Ok(())
        })?;
        if let (Some((program, frontiers)), Some(outputs)) = (&mut float, float_outputs) {
            frontiers.iter_mut().zip(outputs).for_each(|(frontier, outputs)| program.advance(node, outputs, frontier));
        }
        tick()?;
    }
    quantized.edit(&edits);
    Ok(())
}

fn outputs_of(program: &Program, node: NodeId, frontiers: &[Frontier]) -> Result<Vec<Outputs>> {
    parallel::try_map(frontiers.len(), |sample| program.outputs_of(node, &frontiers[sample]))
}

/// Returns the range of a layer's output by its scale, and by the Relu or Clip that is its only reader.
fn range(quantized: &Quantized, graph: &Graph, readers: &[(NodeId, usize)], layer: &Weighted) -> (f64, f64) {
    let grid = quantized.output_quantizer(layer.node);
    let exponents = grid.iter().flat_map(|grid| &grid.exponents).map(|&exponent| exponent.into()).collect();
    let on_chip = |bits| Port { bits, exponents }.range();
    let (low, high) = grid.as_ref().map_or(UNBOUNDED, |grid| on_chip(grid.bits));
    let &[(reader, _)] = readers else { return (low, high) };
    if graph.outputs.contains(&layer.output) {
        return (low, high);
    }
    let reader = graph.node(reader);
    let bound = |port| {
        let constant = graph.value(reader.input(port)?).constant.as_ref()?;
        constant.slice::<f32>()?.first().map(|&bound| f64::from(bound))
    };
    let (low, high) = match reader.op.as_str() {
        "Relu" => (low.max(0.0), high),
        "Clip" => (bound(1).map_or(low, |bound| low.max(bound)), bound(2).map_or(high, |bound| high.min(bound))),
        _ => (low, high),
    };
    (low.min(high), high)
}

/// Computes the mean of each output channel of a layer over the positions of one sample, of elements clamped to a range.
pub fn channel_means(layer: &Weighted, output: &Tensor, range: (f64, f64)) -> Vec<f64> {
    // Conv has its channels before its spatial axes, Gemm after them.
    let is_first = output.shape().len() > 2 && output.shape().get(1) == Some(&layer.outputs);
    match output {
        Tensor::F64(_) => means(output.slice::<f64>().unwrap_or_default(), layer.outputs, is_first, range),
        _ => means(output.slice::<f32>().unwrap_or_default(), layer.outputs, is_first, range),
    }
}

fn means<T: Real>(elements: &[T], channels: usize, is_first: bool, (low, high): (f64, f64)) -> Vec<f64> {
    let channels = channels.max(1);
    let places = (elements.len() / channels).max(1);
    let range = (T::from_f64(low), T::from_f64(high));
    let mut sums = vec![0.0; channels];
    match is_first {
        true => {
            let blocks = elements.chunks(places).enumerate();
            blocks.for_each(|(at, block)| sums[at % channels] += clamped_sum(block, range));
        }
        false => elements.chunks(channels).for_each(|place| add_clamped(&mut sums, place, range)),
    }
    sums.iter_mut().for_each(|sum| *sum /= places as f64);
    sums
}
