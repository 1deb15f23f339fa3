//! Preparation of a node and its simulation as a step: facts, quantized constants, kernel.

use std::sync::Arc;

use crate::graph::{DataType, Element, Graph, NodeId, Tensor, ValueId};
use crate::kernels::rounding::{narrowed, widened};
use crate::ops::{self, Call, Fact, Kernel};
use crate::{Error, Result};

use super::{FakeQuant, NodeSimulation, fake_quantize};

/// Source of an input of a step.
pub(super) enum Source {
    /// An optional input that is left out, or a constant that the kernel has packed.
    Absent,
    Constant(Tensor),
    Value {
        value: ValueId,
        quantize: Option<FakeQuant>,
    },
}

pub(super) struct Output {
    /// `None` for an optional output that is left out.
    pub value: Option<ValueId>,
    /// `None` where the output stays in float.
    pub quantize: Option<FakeQuant>,
}

/// Node, ready to run.
pub(super) struct Step {
    /// Kernel, with all work done that does not depend on samples.
    pub kernel: Arc<dyn Kernel>,
    /// Sources of inputs, by port.
    pub inputs: Vec<Source>,
    /// Outputs, by port.
    pub outputs: Vec<Output>,
    /// Set if floating-point inputs are widened to float64 before the kernel runs.
    pub wide: bool,
}

pub(super) fn step(graph: &Graph, id: NodeId, simulation: Option<&NodeSimulation>) -> Result<Step> {
    let node = graph.node(id);
    prepare(graph, id, simulation).map_err(|e| e.in_layer(&node.name))
}

fn prepare(graph: &Graph, id: NodeId, simulation: Option<&NodeSimulation>) -> Result<Step> {
    let node = graph.node(id);
    let wide = simulation.is_some_and(|s| s.wide && s.kernel.is_none());
    let mut facts = ops::input_facts(graph, node)?;
    let mut inputs = Vec::with_capacity(facts.len());
    for (port, (&input, fact)) in node.inputs.iter().zip(&mut facts).enumerate() {
        let quantize = simulation.and_then(|s| s.inputs.get(port).cloned().flatten());
        inputs.push(source(input, fact, quantize, wide)?);
    }
    let kernel = match simulation.and_then(|s| s.kernel.clone()) {
        Some(kernel) => kernel,
        None => {
            let operator = ops::find(&node.op).ok_or_else(|| {
                Error::new(format!("the operator {} is not supported by espq", node.op))
                    .with_help("replace it by operators that ESP-DL supports (docs/operators.md)")
            })?;
            Arc::from((operator.prepare)(&Call::of(graph, node, &facts))?)
        }
    };
    for (port, source) in inputs.iter_mut().enumerate() {
        if matches!(source, Source::Constant(_)) && !kernel.reads(port) {
            *source = Source::Absent;
        }
    }
    let outputs = node.outputs.iter().enumerate().map(|(port, &value)| Output {
        value,
        quantize: simulation.and_then(|s| s.outputs.get(port).cloned().flatten()),
    });
    Ok(Step { kernel, inputs, outputs: outputs.collect(), wide })
}

/// Returns the source of an input, whose fact becomes that of the quantized or widened value.
fn source(input: Option<ValueId>, fact: &mut Option<Fact>, quantize: Option<FakeQuant>, wide: bool) -> Result<Source> {
    let (Some(value), Some(fact)) = (input, fact) else { return Ok(Source::Absent) };
    let Some(mut tensor) = fact.constant.take() else {
        if wide && fact.data_type == DataType::F32 {
            fact.data_type = DataType::F64;
        }
        return Ok(Source::Value { value, quantize });
    };
    if let Some(q) = &quantize {
        tensor = fake_quantize(tensor, q)?;
    }
    if wide {
        tensor = widen(tensor);
    }
    *fact = Fact::of(tensor.clone());
    Ok(Source::Constant(tensor))
}

/// Converts float32 to float64; other types are unchanged.
pub(super) fn widen(tensor: Tensor) -> Tensor {
    converted(&tensor, widened).unwrap_or(tensor)
}

/// Converts float64 to float32; other types are unchanged.
pub(super) fn narrow(tensor: Tensor) -> Tensor {
    converted(&tensor, narrowed).unwrap_or(tensor)
}

/// Converts the elements of a tensor; `None` if they are of another type.
fn converted<T: Element, U: Element>(tensor: &Tensor, convert: impl Fn(&[T]) -> Vec<U>) -> Option<Tensor> {
    let elements = convert(tensor.slice::<T>()?);
    Tensor::new(tensor.shape(), elements).ok()
}
