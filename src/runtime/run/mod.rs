//! Runs a model by whole numbers, as ESP-DL 3.3.9 does on the target's chip: every element of every value is the
//! chip's, so that test values can be written without one.
//!
//! Never: how exponents were found, nor models in ONNX's terms.

mod accumulator;
mod activation;
mod assign;
mod blocks;
mod combine;
mod compare;
mod conv;
mod elementwise;
mod function;
mod kernels;
mod matmul;
mod moves;
mod normalize;
mod pool;
mod powers;
mod recurrent;
mod recurrent_float;
mod reduce;
mod regrid;
mod resize;
mod roots;
mod round;
mod scatter;
mod sequence;
mod softmax;
mod step;
mod value;

use std::collections::HashMap;

use crate::chip::Target;
use crate::{Error, Result, bail};

use crate::chip::QuantType;
use crate::espdl::{Graph, Model, Node, Tensor};
use step::{Declared, Step};
use value::Value;

/// The model's outputs, in its order, for `inputs` by name.
pub fn run(model: &Model, target: Target, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let names: Vec<&str> = model.graph.outputs.iter().map(|v| v.name.as_str()).collect();
    run_to(model, target, inputs, &names)
}

/// Any values of the graph, intermediate ones too.
pub fn run_to(model: &Model, target: Target, inputs: &[Tensor], names: &[&str]) -> Result<Vec<Tensor>> {
    let values = execute(&model.graph, target, inputs)?;
    let tensor = |name: &&str| match values.get(name) {
        Some(value) => Ok(value.tensor(name)),
        None => bail!("no node makes the value {name}"),
    };
    names.iter().map(tensor).collect()
}

/// Writes `inputs` and what the chip makes of them into the model, as its loader's self-test reads them.
pub fn fill_tests(model: &mut Model, target: Target, inputs: Vec<Tensor>) -> Result<()> {
    model.graph.test_outputs = run(model, target, &inputs)?;
    model.graph.test_inputs = inputs;
    Ok(())
}

/// Layers that no kernel of ESP-DL 3.3.9 runs and the interpreter does, by the rule of the 16-bit kernels.
pub fn unproven(model: &Model) -> Vec<&str> {
    let mixed = |n: &&Node| n.text("quant_type").and_then(QuantType::from_name) == Some(QuantType::W8A16);
    model.graph.nodes.iter().filter(mixed).map(|n| n.name.as_str()).collect()
}

fn execute<'m>(graph: &'m Graph, target: Target, inputs: &[Tensor]) -> Result<HashMap<&'m str, Value>> {
    let mut values: HashMap<&str, Value> = HashMap::new();
    for info in &graph.inputs {
        let Some(tensor) = inputs.iter().find(|t| t.name == info.name) else {
            bail!("there is no tensor for the input {}", info.name);
        };
        if info.sizes().is_some_and(|sizes| sizes != tensor.dims) {
            bail!("input {} has shape {:?}, the model takes {:?}", info.name, tensor.dims, info.sizes());
        }
        if info.data_type != tensor.data_type {
            bail!("input {} is {}, the model takes {}", info.name, tensor.data_type.name(), info.data_type.name());
        }
        values.insert(&info.name, Value::read(tensor)?);
    }
    for tensor in &graph.initializers {
        values.insert(&tensor.name, Value::read(tensor)?);
    }
    let declared = declarations(graph)?;
    for node in &graph.nodes {
        let made = {
            let step = step(node, target, &values, &declared)?;
            kernels::run(&step).map_err(|e| e.in_layer(node.name.clone()))?
        };
        if made.len() < node.outputs.iter().filter(|o| !o.is_empty()).count() {
            bail!("node {} makes {} of its {} outputs", node.name, made.len(), node.outputs.len());
        }
        for (name, value) in node.outputs.iter().zip(made) {
            values.insert(name, value);
        }
    }
    Ok(values)
}

fn declarations(graph: &Graph) -> Result<HashMap<&str, Declared>> {
    let mut declared = HashMap::new();
    for info in graph.inputs.iter().chain(&graph.outputs).chain(&graph.values) {
        let exponent = value::exponent(info.exponents.first().copied().unwrap_or(0))
            .map_err(|e| Error::new(format!("value {}: {}", info.name, e.what())))?;
        let entry = Declared { data_type: info.data_type, exponent, dims: info.sizes() };
        declared.insert(info.name.as_str(), entry);
    }
    Ok(declared)
}

fn step<'a>(
    node: &'a Node,
    target: Target,
    values: &'a HashMap<&str, Value>,
    declared: &HashMap<&str, Declared>,
) -> Result<Step<'a>> {
    let input = |name: &String| match values.get(name.as_str()) {
        Some(value) => Ok(Some(value)),
        None if name.is_empty() => Ok(None),
        None => bail!("node {} reads {name}, which nothing before it makes", node.name),
    };
    let output = |name: &String| match declared.get(name.as_str()) {
        Some(declared) => Ok(declared.clone()),
        None if name.is_empty() => {
            Ok(Declared { data_type: crate::espdl::DataType::Undefined, exponent: 0, dims: None })
        }
        None => bail!("node {} makes {name}, which is not among the graph's values", node.name),
    };
    let table = match node.text("lut") {
        Some(name) => match values.get(name) {
            Some(table) => Some(table),
            None => bail!("node {} has the table {name}, which is not in the model", node.name),
        },
        None => None,
    };
    Ok(Step {
        node,
        table,
        target,
        inputs: node.inputs.iter().map(input).collect::<Result<_>>()?,
        outputs: node.outputs.iter().map(output).collect::<Result<_>>()?,
    })
}

#[cfg(test)]
mod operator_tests;

#[cfg(test)]
mod tests;
