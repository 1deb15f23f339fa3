//! Preparation of a node and its simulation as a step: facts, quantized constants, kernel.

use std::sync::Arc;

use crate::graph::{DataType, Graph, NodeId, Tensor, ValueId};
use crate::ops::{self, Call, Fact, Kernel};
use crate::{Error, Result};

use super::{FakeQuant, NodeSimulation, fake_quantize};

/// Source of an input of a step.
pub(super) enum Source {
    /// An optional input that is left out.
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
    let mut inputs = Vec::with_capacity(node.inputs.len());
    let mut facts = Vec::with_capacity(node.inputs.len());
    for (port, input) in node.inputs.iter().enumerate() {
        let quantize = simulation.and_then(|s| s.inputs.get(port).cloned().flatten());
        let (source, fact) = input_of(graph, *input, quantize, wide)?;
        inputs.push(source);
        facts.push(fact);
    }
    let kernel = match simulation.and_then(|s| s.kernel.clone()) {
        Some(kernel) => kernel,
        None => {
            let operator = ops::find(&node.op).ok_or_else(|| {
                Error::new(format!("the operator {} is not supported by espq", node.op))
                    .with_help("replace it by operators that ESP-DL supports (docs/operators.md)")
            })?;
            let call =
                Call { attributes: &node.attributes, opset: graph.opset, inputs: &facts, outputs: node.outputs.len() };
            Arc::from((operator.prepare)(&call)?)
        }
    };
    let outputs = node.outputs.iter().enumerate().map(|(port, &value)| Output {
        value,
        quantize: simulation.and_then(|s| s.outputs.get(port).cloned().flatten()),
    });
    Ok(Step { kernel, inputs, outputs: outputs.collect(), wide })
}

fn input_of(
    graph: &Graph,
    input: Option<ValueId>,
    quantize: Option<FakeQuant>,
    wide: bool,
) -> Result<(Source, Option<Fact>)> {
    let Some(id) = input else { return Ok((Source::Absent, None)) };
    let value = graph.value(id);
    if let Some(constant) = &value.constant {
        let mut tensor = constant.clone();
        if let Some(q) = &quantize {
            tensor = fake_quantize(tensor, q)?;
        }
        if wide {
            tensor = widen(tensor);
        }
        return Ok((Source::Constant(tensor.clone()), Some(Fact::of(tensor))));
    }
    let (Some(data_type), Some(shape)) = (value.data_type, value.shape.clone()) else {
        return Err(Error::new(format!("the type and shape of {} are not known", value.name)));
    };
    let data_type = if wide && data_type == DataType::F32 { DataType::F64 } else { data_type };
    Ok((Source::Value { value: id, quantize }, Some(Fact::new(data_type, shape))))
}

/// Converts float32 to float64; other types are unchanged.
pub(super) fn widen(tensor: Tensor) -> Tensor {
    match tensor {
        Tensor::F32(a) => Tensor::from_array(a.mapv(f64::from)),
        other => other,
    }
}

/// Converts float64 to float32; other types are unchanged.
pub(super) fn narrow(tensor: Tensor) -> Tensor {
    match tensor {
        Tensor::F64(a) => Tensor::from_array(a.mapv(|v| v as f32)),
        other => other,
    }
}
