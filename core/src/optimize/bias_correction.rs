//! Pass `bias-correction`: esp-ppq's own, with its options.
//!
//! esp-ppq: `BiasCorrectionPass` in `optim/training.py`. In each block of layers, the mean error of each output channel on
//! quantized inputs is added to the bias; where the error of the block's outputs grows, the block stays as it was. Its
//! `steps` have no effect there: all samples are used.

use std::collections::BTreeMap;

use crate::exec::{Program, Samples, Simulation, Tick};
use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::parallel;
use crate::quant::{Edits, Quantized};
use crate::{Error, Result};

use super::BIAS_CORRECTION;
use super::blocks::{Block, blocks};
use super::sweep::{UNBOUNDED, channel_means};
use super::weighted::Weighted;

/// Corrects the biases of all blocks, one after the other.
pub fn bias_correction(quantized: &mut Quantized, samples: &dyn Samples, tick: Tick) -> Result<()> {
    let plan = quantized.plan();
    let options = plan.settings.correction.clone();
    for name in &options.interested_layers {
        if !plan.graph.nodes.iter().any(|node| node.name == *name) {
            return Err(Error::new(format!("the model has no layer `{name}`, which `interested-layers` names"))
                .at_key(format!("optimize.{BIAS_CORRECTION}"))
                .with_help("`espq report` shows the names"));
        }
    }
    let is_wanted = |block: &Block| {
        let is_named = |node: &NodeId| options.interested_layers.contains(&plan.graph.node(*node).name);
        options.interested_layers.is_empty() || block.nodes.iter().any(is_named)
    };
    let found = blocks(&plan.graph, options.block_size, |node| plan.nodes[node.0].is_some());
    let found: Vec<Block> = found.into_iter().filter(is_wanted).collect();
    let mut network = Network::of(quantized, samples, tick)?;
    for block in &found {
        network.correct(block)?;
    }
    let edits = Edits { constants: network.changed, ..Edits::default() };
    quantized.edit(&edits);
    Ok(())
}

/// The quantized network with the biases so far, and the float one.
struct Network<'a> {
    graph: Graph,
    simulation: Simulation,
    program: Program,
    reference: Simulation,
    float: Program,
    samples: &'a dyn Samples,
    tick: Tick<'a>,
    layers: Vec<Weighted>,
    changed: BTreeMap<ValueId, Tensor>,
}

impl<'a> Network<'a> {
    fn of(quantized: &Quantized, samples: &'a dyn Samples, tick: Tick<'a>) -> Result<Network<'a>> {
        let plan = quantized.plan();
        let (graph, simulation, reference) = (plan.graph.clone(), plan.simulation()?, plan.reference()?);
        let is_corrected =
            |layer: &Weighted| ["Conv", "Gemm", "ConvTranspose"].contains(&graph.node(layer.node).op.as_str());
        Ok(Network {
            program: Program::simulated(&graph, &simulation)?,
            float: Program::simulated(&plan.equivalent, &reference)?,
            layers: Weighted::all(&graph)
                .into_iter()
                .filter(|layer| layer.bias.is_some() && is_corrected(layer))
                .collect(),
            graph,
            simulation,
            reference,
            samples,
            tick,
            changed: BTreeMap::new(),
        })
    }

    fn correct(&mut self, block: &Block) -> Result<()> {
        let layers: Vec<Weighted> =
            self.layers.iter().filter(|layer| block.nodes.contains(&layer.node)).cloned().collect();
        if layers.is_empty() {
            return Ok(());
        }
        let ends: Vec<ValueId> = self.graph.node(block.last).outputs.iter().flatten().copied().collect();
        let floats = self.observed(&self.float, &ends, |_, tensor| Ok(tensor.clone()))?;
        let before = self.loss(&self.program, &ends, &floats)?;
        let shifts = self.shifts(block, &layers)?;
        let old: Vec<(ValueId, Tensor)> = layers.iter().filter_map(|layer| self.bias_of(layer)).collect();
        for ((layer, (bias, constant)), shift) in layers.iter().zip(&old).zip(shifts) {
            let elements = constant.slice::<f32>().unwrap_or_default().iter().zip(&shift);
            let tensor = Tensor::new(constant.shape(), elements.map(|(bias, shift)| bias + shift).collect())?;
            self.set(layer.node, *bias, tensor)?;
        }
        if self.loss(&self.program, &ends, &floats)? > before {
            for (layer, (bias, constant)) in layers.iter().zip(old) {
                self.set(layer.node, bias, constant)?;
            }
        }
        Ok(())
    }

    fn bias_of(&self, layer: &Weighted) -> Option<(ValueId, Tensor)> {
        let bias = layer.bias?;
        Some((bias, self.graph.value(bias).constant.clone()?))
    }

    fn set(&mut self, node: NodeId, bias: ValueId, tensor: Tensor) -> Result<()> {
        self.graph.values[bias.0].constant = Some(tensor.clone());
        self.changed.insert(bias, tensor);
        self.program.renew(&self.graph, node, self.simulation[node.0].as_ref())
    }

    /// Returns the mean error of each output channel, by layer: the block in float on the inputs that it sees on the chip, less
    /// the block as it is.
    fn shifts(&self, block: &Block, layers: &[Weighted]) -> Result<Vec<Vec<f32>>> {
        let mut simulation = self.simulation.clone();
        for node in &block.nodes {
            simulation[node.0] = self.reference.get(node.0).cloned().flatten();
        }
        let inside = self.program.with_simulation(&self.graph, &simulation, |node| !block.nodes.contains(&node))?;
        let outputs: Vec<ValueId> = layers.iter().map(|layer| layer.output).collect();
        let means = |at: usize, tensor: &Tensor| Ok(channel_means(&layers[at], tensor, UNBOUNDED));
        let of = |program: &Program| self.observed(program, &outputs, means);
        let (float, simulated) = (of(&inside)?, of(&self.program)?);
        let count = self.samples.len().max(1) as f64;
        let shift = |layer: usize| {
            let mut shift = vec![0.0; layers[layer].outputs];
            for (float, simulated) in float.iter().zip(&simulated) {
                let means = float[layer].iter().zip(&simulated[layer]);
                shift
                    .iter_mut()
                    .zip(means)
                    .for_each(|(shift, (float, simulated))| *shift += (float - simulated) / count);
            }
            shift.into_iter().map(|shift| shift as f32).collect()
        };
        Ok((0..layers.len()).map(shift).collect())
    }

    /// Computes the mean square error of the block's outputs: means over elements, then over samples, then the sum.
    fn loss(&self, program: &Program, ends: &[ValueId], floats: &[Vec<Tensor>]) -> Result<f64> {
        let outputs = self.observed(program, ends, |_, tensor| Ok(tensor.clone()))?;
        let each = outputs.iter().zip(floats).flat_map(|(outputs, floats)| outputs.iter().zip(floats));
        Ok(each.map(|(output, float)| square_error(output, float)).sum::<f64>() / self.samples.len().max(1) as f64)
    }

    /// Runs all samples and returns a result for each of `values`, by sample.
    fn observed<T: Send>(
        &self,
        program: &Program,
        values: &[ValueId],
        of: impl Fn(usize, &Tensor) -> Result<T> + Sync,
    ) -> Result<Vec<Vec<T>>> {
        let wanted = self.graph.mask(values.iter().copied());
        parallel::try_map(self.samples.len(), |sample| {
            let mut found: Vec<Option<T>> = values.iter().map(|_| None).collect();
            program.observe(&self.samples.sample(sample)?, &wanted, &mut |value, tensor| {
                if let Some(at) = values.iter().position(|wanted| *wanted == value) {
                    found[at] = Some(of(at, tensor)?);
                }
                Ok(())
            })?;
            (self.tick)()?;
            found
                .into_iter()
                .collect::<Option<Vec<T>>>()
                .ok_or_else(|| Error::new("a value of a block was not computed"))
        })
    }
}

fn square_error(a: &Tensor, b: &Tensor) -> f64 {
    let pairs = elements(a).zip(elements(b));
    pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len().max(1) as f64
}

fn elements(tensor: &Tensor) -> impl Iterator<Item = f64> + '_ {
    let (narrow, wide) = (tensor.slice::<f32>().unwrap_or_default(), tensor.slice::<f64>().unwrap_or_default());
    narrow.iter().map(|&v| f64::from(v)).chain(wide.iter().copied())
}
