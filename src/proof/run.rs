//! The finished file run by whole numbers over samples: its error against the original, and each layer against its
//! simulation on the inputs that the chip gives to it.

use std::collections::BTreeMap;

use crate::analysis::{Comparison, Difference, OnChip, Ran, floats};
use crate::chip::Target;
use crate::espdl;
use crate::exec::{self, FakeQuant, NodeSimulation, Samples, Tick, fake_quantize};
use crate::export::Export;
use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::kernels::errors::{Gaps, gaps};
use crate::parallel;
use crate::quant::Quantized;
use crate::runtime::run::Program;
use crate::{Result, bail};

use super::finished::incompatibility;
use super::joined::{Joined, joined};
use super::stored::{exponent, in_onnx_order};

/// Steps of a value's scale that rounding explains: the chip rounds once more than the simulation where it requantizes an
/// operand, and sums floats in another order.
const ROUNDING: f64 = 2.0;

/// A finished file, and the two forms of the model that it is held against.
pub struct Subject<'a> {
    /// Quantized model, whose layers are compared.
    pub quantized: &'a Quantized,
    /// Program of the model as it was read: its outputs are the reference.
    pub original: &'a exec::Program,
    /// Rounding of each node on the chip.
    pub simulation: &'a [Option<NodeSimulation>],
    /// Program of the quantized graph with that simulation.
    pub simulated: &'a exec::Program,
    /// Exported model, and the places of the graph's values in it.
    pub export: &'a Export,
    /// Samples in floats, one tensor for each input in the model's order.
    pub samples: &'a dyn Samples,
    /// Maximum number of samples to run.
    pub count: usize,
    /// Called after each sample; an error ends the run.
    pub tick: Tick<'a>,
}

/// Layers that are compared: those of the quantized graph, or of one in which nodes are joined as in the file.
struct Compared<'a> {
    graph: &'a Graph,
    simulation: &'a [Option<NodeSimulation>],
    simulated: &'a exec::Program,
    original: &'a exec::Program,
    export: &'a Export,
    target: Target,
}

/// Largest difference of a value, over the samples so far.
#[derive(Debug, Clone, Copy, Default)]
struct Gap {
    steps: f64,
    /// Elements that differ by more than rounding, of `elements`.
    over: usize,
    elements: usize,
}

/// Result of one sample: a comparison per output of the model, and the gaps of the values that the chip has, too.
struct Sampled {
    compared: Vec<Comparison>,
    gaps: Vec<(NodeId, ValueId, Gap)>,
}

/// Runs the file over the samples, each on one thread; results do not depend on the number of threads. A layer at which the
/// chip stops, or that has no kernel, is an incompatibility.
pub fn run(subject: &Subject) -> Result<OnChip> {
    match run_samples(subject) {
        Ok(ran) => Ok(OnChip::Ran(ran)),
        Err(error) if error.is_cancelled() => Err(error),
        Err(error) => Ok(OnChip::Refused(vec![incompatibility(&error)])),
    }
}

fn run_samples(subject: &Subject) -> Result<Ran> {
    let &Subject { quantized, original, simulation, simulated, export, .. } = subject;
    let target = quantized.plan().settings.target;
    let joined = joined(quantized, simulation)?;
    let program =
        joined.as_ref().map(|joined| exec::Program::simulated(&joined.graph, &joined.simulation)).transpose()?;
    let layers = match (&joined, &program) {
        (Some(Joined { graph, simulation }), Some(simulated)) => {
            Compared { graph, simulation, simulated, original, export, target }
        }
        _ => Compared { graph: &quantized.plan().graph, simulation, simulated, original, export, target },
    };
    let program = Program::new(&export.model, target)?;
    let samples = subject.count.min(subject.samples.len());
    let by_sample: Vec<Sampled> = parallel::try_map(samples, |s| {
        let found = layers.sample(&program, &subject.samples.sample(s)?)?;
        (subject.tick)()?;
        Ok(found)
    })?;
    let mut outputs = vec![Comparison::default(); layers.graph.outputs.len()];
    let mut gaps: BTreeMap<(NodeId, ValueId), Gap> = BTreeMap::new();
    for Sampled { compared, gaps: found } in by_sample {
        outputs.iter_mut().zip(compared).for_each(|(sum, c)| sum.add(c));
        for (node, value, gap) in found {
            gaps.entry((node, value)).or_default().add(gap);
        }
    }
    let differences = gaps.into_iter().filter(|(_, gap)| gap.over > 0);
    let differences = differences.map(|((node, value), gap)| Difference {
        layer: layers.graph.node(node).name.clone(),
        value: layers.graph.value(value).name.clone(),
        steps: gap.steps,
        share: gap.over as f64 / gap.elements.max(1) as f64,
    });
    let agreement = outputs.iter().map(Comparison::agreement).collect();
    let outputs = outputs.iter().map(Comparison::mean).collect();
    Ok(Ran { samples, outputs, agreement, differences: differences.collect() })
}

/// Finished file, prepared to run over samples.
pub struct OnSamples<'a> {
    export: &'a Export,
    program: Program,
}

impl<'a> OnSamples<'a> {
    /// Prepares a file. Fails if a layer has no kernel.
    pub fn new(export: &'a Export, target: Target) -> Result<OnSamples<'a>> {
        Ok(OnSamples { export, program: Program::new(&export.model, target)? })
    }

    /// Returns the chip's outputs for one sample, as numbers in ONNX's order of axes.
    pub fn outputs(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let made = self.program.run(&self.export.feed(inputs)?)?;
        made.iter().map(|made| output(self.export, made)).collect()
    }
}

/// Returns an output of the file as the graph has it.
fn output(export: &Export, made: &espdl::Tensor) -> Result<Tensor> {
    in_onnx_order(made, export.place(&made.name).map_or(&[][..], |place| &place.perm))
}

impl Compared<'_> {
    fn sample(&self, program: &Program, inputs: &[Tensor]) -> Result<Sampled> {
        let fed = self.export.feed(inputs)?;
        let mut chip = Values(vec![None; self.graph.values.len()]);
        let made = program.watch(&fed, &mut |made| {
            if let Some(place) = self.export.place(made.name) {
                chip.0[place.value.0] = Some(made.tensor()); // ids are the graph's
            }
            Ok(())
        })?;
        let wanted = self.original.run(inputs, &[], &mut |_, _| Ok(()))?;
        let mut compared = Vec::with_capacity(wanted.len());
        for (made, wanted) in made.iter().zip(&wanted) {
            let value = output(self.export, made)?;
            if value.len() != wanted.len() {
                bail!("output {} has shape {:?}, its original {:?}", made.name, value.shape(), wanted.shape());
            }
            compared.push(Comparison::of(&value.reshape(wanted.shape())?, wanted)?);
        }
        Ok(Sampled { compared, gaps: self.gaps(inputs, &fed, &chip)? })
    }

    /// Simulates each layer on what the chip gives to it, so that rounding does not add up from layer to layer.
    fn gaps(&self, sample: &[Tensor], fed: &[espdl::Tensor], chip: &Values) -> Result<Vec<(NodeId, ValueId, Gap)>> {
        // Those that no layer reads are not fed.
        let mut inputs = sample.to_vec();
        for (&id, input) in self.graph.inputs.iter().zip(&mut inputs) {
            let name = &self.graph.value(id).name;
            let Some(tensor) = fed.iter().find(|tensor| &tensor.name == name) else { continue };
            let perm = self.export.place(name).map_or(&[][..], |place| &place.perm);
            *input = in_onnx_order(tensor, perm)?;
        }
        let mut frontier = self.simulated.begin(&inputs)?;
        let mut gaps = Vec::new();
        for node in self.graph.node_ids() {
            self.input_gaps(node, sample, &inputs, &mut gaps)?;
            let mut outputs = self.simulated.outputs_of(node, &frontier)?;
            for (value, simulated) in &mut outputs {
                let Some(stored) = &chip.0[value.0] else { continue }; // ids are the graph's
                let perm = self.export.place(&stored.name).map_or(&[][..], |place| &place.perm);
                let mut on_chip = in_onnx_order(stored, perm)?;
                let mut step = step(stored, simulated);
                match self.rounding(node, *value) {
                    // An exporter's pass may store it at another scale, where its readers requantize it.
                    Some(rounding) => {
                        on_chip = fake_quantize(on_chip, rounding)?;
                        step = rounding.exponents.first().map_or(step, |&exponent| 2f64.powi(exponent));
                    }
                    None => {
                        if let Some(stored) = self.stored_rounding(stored) {
                            *simulated = fake_quantize(simulated.clone(), &stored)?;
                        }
                    }
                }
                gaps.push((node, *value, Gap::between(&on_chip, simulated, step)));
                if on_chip.data_type() == simulated.data_type() && on_chip.shape() == simulated.shape() {
                    *simulated = on_chip;
                }
            }
            self.simulated.advance(node, outputs, &mut frontier);
        }
        Ok(gaps)
    }
}

impl Compared<'_> {
    /// Returns the rounding of a value in the simulation; `None` for a value before a Relu or Clip, which have its scale:
    /// what the chip cuts off there, they cut off, too.
    fn rounding(&self, node: NodeId, value: ValueId) -> Option<&FakeQuant> {
        let port = self.graph.node(node).outputs.iter().position(|&output| output == Some(value))?;
        self.simulation.get(node.0)?.as_ref()?.outputs.get(port)?.as_ref()
    }

    /// Compares what a layer reads of the graph's inputs with what it reads of the sample: an input is fed once, whatever
    /// its readers want.
    fn input_gaps(
        &self,
        node: NodeId,
        sample: &[Tensor],
        fed: &[Tensor],
        gaps: &mut Vec<(NodeId, ValueId, Gap)>,
    ) -> Result<()> {
        // Shape reads no values.
        let inputs = Some(self.graph.node(node)).filter(|n| n.op != "Shape").map_or(&[][..], |n| &n.inputs);
        for (port, value) in inputs.iter().enumerate() {
            let input = value.and_then(|value| self.graph.inputs.iter().position(|&input| input == value));
            let (Some(value), Some((wanted, given))) = (*value, input.and_then(|at| sample.get(at).zip(fed.get(at))))
            else {
                continue;
            };
            let rounding = self.simulation.get(node.0).and_then(|s| s.as_ref()?.inputs.get(port)?.as_ref());
            let gap = match rounding.map(|rounding| (rounding, rounding.exponents.first())) {
                Some((rounding, Some(&exponent))) => {
                    let read = |tensor: &Tensor| fake_quantize(tensor.clone(), rounding);
                    Gap::between(&read(given)?, &read(wanted)?, 2f64.powi(exponent))
                }
                _ => Gap::between(given, wanted, float_step(wanted)),
            };
            gaps.push((node, value, gap));
        }
        Ok(())
    }

    fn stored_rounding(&self, stored: &espdl::Tensor) -> Option<FakeQuant> {
        let bits = match stored.data_type {
            espdl::DataType::Int8 => 8,
            espdl::DataType::Int16 => 16,
            _ => return None,
        };
        Some(FakeQuant { exponents: vec![exponent(stored)], axis: None, bits, rounding: self.target.rounding() })
    }
}

/// Tensors that the chip has made, by value of the graph.
struct Values(Vec<Option<espdl::Tensor>>);

/// The scale of integers; of floats, a step of 16 bits over their range.
fn step(stored: &espdl::Tensor, simulated: &Tensor) -> f64 {
    match stored.data_type {
        espdl::DataType::Int8 | espdl::DataType::Int16 => 2f64.powi(exponent(stored)),
        espdl::DataType::Float => float_step(simulated),
        // Places, truth values: equal or not.
        _ => 0.25,
    }
}

fn float_step(values: &Tensor) -> f64 {
    let largest = floats(values).iter().copied().filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs()));
    (largest / f64::from(i16::MAX)).max(f64::MIN_POSITIVE)
}

impl Gap {
    fn between(on_chip: &Tensor, simulated: &Tensor, step: f64) -> Gap {
        if on_chip.len() != simulated.len() {
            let elements = simulated.len();
            return Gap { steps: f64::INFINITY, over: elements, elements };
        }
        let limit = ROUNDING * step;
        let Gaps { largest, over } = match (on_chip.slice::<f32>(), simulated.slice::<f32>()) {
            (Some(a), Some(b)) => gaps(a, b, limit),
            _ => gaps(&floats(on_chip), &floats(simulated), limit),
        };
        Gap { steps: largest / step, over, elements: simulated.len() }
    }

    fn add(&mut self, other: Gap) {
        self.steps = self.steps.max(other.steps);
        self.over += other.over;
        self.elements += other.elements;
    }
}
