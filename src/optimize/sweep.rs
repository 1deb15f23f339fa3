//! Sweep over a quantized network, layer after layer, with all samples: a pass changes a layer's constants on the
//! layer's actual inputs, which come from the changed layers before it.

use rayon::prelude::*;

use crate::Result;
use crate::exec::{FakeQuant, Frontier, Program, Samples, Tick};
use crate::graph::{Graph, Tensor, ValueId};
use crate::quant::{Edits, Quantized};

use super::weighted::Weighted;

/// Layer whose inputs are available in every sample.
pub struct Layer<'a> {
    pub weighted: &'a Weighted,
    pub graph: &'a Graph,
    pub weights: Option<&'a FakeQuant>,
    pub bias: Option<&'a FakeQuant>,
    program: &'a Program,
    frontiers: &'a [Frontier],
    /// Mean of each output channel in the float network over all samples; empty where the layer has no bias, or no pass asks.
    pub float_means: &'a [f64],
}

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
    /// Returns `None` where the layer stays as it is.
    pub run: fn(&Layer) -> Result<Option<Change>>,
    /// Set if the pass needs the means of the float network.
    pub needs_means: bool,
}

impl Layer<'_> {
    pub fn samples(&self) -> usize {
        self.frontiers.len()
    }

    /// Returns the layer's input in one sample, as its kernel reads it.
    pub fn input(&self, sample: usize) -> Result<Option<Tensor>> {
        self.program.operand(self.weighted.node, 0, &self.frontiers[sample])
    }

    /// Returns the layer's output in one sample.
    pub fn output(&self, sample: usize) -> Result<Option<Tensor>> {
        let outputs = self.program.outputs_of(self.weighted.node, &self.frontiers[sample])?;
        Ok(outputs.into_iter().find(|(value, _)| *value == self.weighted.output).map(|(_, tensor)| tensor))
    }
}

/// Runs `passes` on every layer with weights, in the graph's order.
pub fn sweep(quantized: &mut Quantized, samples: &dyn Samples, passes: &[LayerPass], tick: Tick) -> Result<()> {
    let mut graph = quantized.plan().graph.clone();
    let mut simulation = quantized.plan().simulation()?;
    let mut program = Program::simulated(&graph, &simulation)?;
    let layers = Weighted::all(&graph);
    let float_means = match passes.iter().any(|pass| pass.needs_means) {
        true => means(quantized, &layers, samples, tick)?,
        false => vec![Vec::new(); layers.len()],
    };
    let begun = (0..samples.len()).into_par_iter().map(|s| program.begin(&samples.sample(s)?));
    let mut frontiers: Vec<Frontier> = begun.collect::<Result<_>>()?;
    let mut edits = Edits::default();
    for node in graph.node_ids() {
        let found = layers.iter().position(|layer| layer.node == node);
        for pass in found.iter().flat_map(|_| passes) {
            let Some(index) = found else { continue };
            let grid = |port: usize| simulation[node.0].as_ref().and_then(|s| s.inputs.get(port)?.as_ref());
            let layer = Layer {
                weighted: &layers[index],
                graph: &graph,
                weights: grid(1),
                bias: grid(2),
                program: &program,
                frontiers: &frontiers,
                float_means: &float_means[index],
            };
            if let Some(Change { value, tensor, exponents }) = (pass.run)(&layer)? {
                graph.values[value.0].constant = Some(tensor.clone());
                edits.constants.insert(value, tensor);
                if let Some(exponents) = exponents {
                    quantized.set_weight_exponents(node, exponents);
                    simulation[node.0] = quantized.plan().simulation_of(node)?;
                }
                program.renew(&graph, node, simulation[node.0].as_ref())?;
            }
        }
        let program = &program;
        frontiers.par_iter_mut().try_for_each(|frontier| {
            let outputs = program.outputs_of(node, frontier)?;
            program.advance(node, outputs, frontier);
            Result::Ok(())
        })?;
        tick()?;
    }
    quantized.edit(&edits);
    Ok(())
}

/// Computes, by layer, the mean of each output channel over samples and positions in the float network.
fn means(quantized: &Quantized, layers: &[Weighted], samples: &dyn Samples, tick: Tick) -> Result<Vec<Vec<f64>>> {
    let graph = &quantized.plan().equivalent;
    let float = Program::simulated(graph, &quantized.plan().reference()?)?;
    let watched: Vec<Option<ValueId>> = layers.iter().map(|layer| layer.bias.map(|_| layer.output)).collect();
    let wanted = graph.mask(watched.iter().copied().flatten());
    let by_sample = (0..samples.len()).into_par_iter().map(|s| {
        let mut sums: Vec<Vec<f64>> = vec![Vec::new(); layers.len()];
        float.observe(&samples.sample(s)?, &wanted, &mut |value, tensor| {
            for ((layer, sum), _) in layers.iter().zip(&mut sums).zip(&watched).filter(|(_, w)| **w == Some(value)) {
                *sum = channel_means(layer, tensor);
            }
            Ok(())
        })?;
        tick()?;
        Ok(sums)
    });
    let by_sample: Vec<Vec<Vec<f64>>> = by_sample.collect::<Result<_>>()?;
    let mean = |layer: usize| {
        let mut sum = vec![0.0; by_sample.first().map_or(0, |s| s[layer].len())];
        for sample in &by_sample {
            sum.iter_mut().zip(&sample[layer]).for_each(|(sum, one)| *sum += one / by_sample.len() as f64);
        }
        sum
    };
    Ok((0..layers.len()).map(mean).collect())
}

/// Computes the mean of each output channel of a layer over the positions of one sample.
pub fn channel_means(layer: &Weighted, output: &Tensor) -> Vec<f64> {
    let elements: Vec<f64> = match output {
        Tensor::F64(_) => output.slice::<f64>().unwrap_or_default().to_vec(),
        _ => output.slice::<f32>().unwrap_or_default().iter().map(|&v| f64::from(v)).collect(),
    };
    let channels = layer.outputs.max(1);
    let places = elements.len() / channels;
    // Conv has its channels before its spatial axes, Gemm after them.
    let is_first = output.shape().len() > 2 && output.shape().get(1) == Some(&layer.outputs);
    let mut sums = vec![0.0; channels];
    for (at, value) in elements.iter().enumerate() {
        let channel = if is_first { at / places.max(1) % channels } else { at % channels };
        sums[channel] += value / places.max(1) as f64;
    }
    sums
}
