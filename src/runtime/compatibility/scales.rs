//! Exponents of a node's values, where its kernel takes them for one.

use crate::chip::{Chip, QuantType, Scales};
use crate::espdl::{DataType, Node};

use super::{Context, Fault, quant_type};

pub fn one_exponent(context: &Context, node: &Node, chip: &Chip) -> Option<Fault> {
    quant_type(node).filter(|&quant_type| quant_type != QuantType::F32)?;
    let input = |port: usize| exponent(context, node.inputs.get(port)?);
    let output = |port: usize| exponent(context, node.outputs.get(port)?);
    let (first, pairs): (i64, Vec<Option<i64>>) = match chip.scales {
        Scales::Any => return None,
        Scales::OfOutput => (output(0)?, (0..node.inputs.len()).map(input).collect()),
        Scales::OfInput => (input(0)?, (0..node.outputs.len()).map(output).collect()),
        Scales::OneForInputs => (input(0)?, vec![input(1)]),
    };
    let other = pairs.into_iter().flatten().find(|&exponent| exponent != first)?;
    let (from, to) = if chip.scales == Scales::OfOutput { (other, first) } else { (first, other) };
    let what = match chip.scales {
        Scales::OneForInputs => {
            format!("exponent {from} is compared with {to}, but {} does not rescale integers", node.op)
        }
        _ => format!("input exponent {from} becomes {to}, but {} does not rescale integers", node.op),
    };
    Some((what, "put a RequantizeLinear between, as `espq export` does, or export the model again"))
}

/// Returns the exponent of a quantized value; `None` for floats, indices and shapes.
fn exponent(context: &Context, name: &str) -> Option<i64> {
    let (data_type, exponents) = match (context.tensors.get(name), context.value(name)) {
        (Some(tensor), _) => (tensor.data_type, &tensor.exponents),
        (None, Some(info)) => (info.data_type, &info.exponents),
        (None, None) => return None,
    };
    exponents.first().copied().filter(|_| matches!(data_type, DataType::Int8 | DataType::Int16))
}
