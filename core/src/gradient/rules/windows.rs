//! Operators of a sliding window: Conv and the pools.

use crate::Result;
use crate::graph::{Attribute, Attributes, DataType, Tensor, ValueId};
use crate::ops::conv_transpose::{AsConv, as_conv, turned};
use crate::ops::{Call, Fact};

use super::super::tape::{Tape, attributes};
use super::{At, Found};

/// Window of a node, by spatial axis.
struct Window {
    input: Vec<usize>,
    output: Vec<usize>,
    kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    /// Padding before the first place.
    begins: Vec<usize>,
}

impl Window {
    fn of(tape: &Tape, at: &At, kernel: &[usize]) -> Option<Window> {
        let sides = |value: Option<ValueId>| Some(tape.forward.shape(value?)?.get(2..)?.to_vec());
        let (input, output) = (sides(at.input(0))?, sides(at.output())?);
        let rank = input.len();
        let list = |name: &str, default: usize| match at.node.attributes.ints(name) {
            Some(list) => list.iter().map(|&int| usize::try_from(int).ok()).collect::<Option<Vec<usize>>>(),
            None => Some(vec![default; rank]),
        };
        let (strides, dilations) = (list("strides", 1)?, list("dilations", 1)?);
        if [&output, &kernel.to_vec(), &strides, &dilations].iter().any(|list| list.len() != rank) {
            return None;
        }
        let begins = match at.node.attributes.text("auto_pad") {
            None | Some("" | "NOTSET") => list("pads", 0)?.into_iter().take(rank).collect(),
            Some("VALID") => vec![0; rank],
            Some(mode) => {
                let total = |axis: usize| {
                    let reach = (output[axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1;
                    reach.saturating_sub(input[axis])
                };
                let front = |total: usize| if mode == "SAME_LOWER" { total - total / 2 } else { total / 2 };
                (0..rank).map(|axis| front(total(axis))).collect()
            }
        };
        Some(Window { input, output, kernel: kernel.to_vec(), strides, dilations, begins })
    }

    /// Returns the attributes of the ConvTranspose that is the transposed convolution.
    fn transposed(&self, groups: usize) -> Option<Attributes> {
        let ints = |list: &[usize]| Attribute::Ints(list.iter().map(|&int| int as i64).collect());
        let (mut ends, mut behind) = (Vec::new(), Vec::new());
        for axis in 0..self.input.len() {
            let reach =
                (self.output[axis] - 1) * self.strides[axis] + self.dilations[axis] * (self.kernel[axis] - 1) + 1;
            let covered = reach as i64 - self.begins[axis] as i64;
            let missing = self.input[axis] as i64 - covered;
            ends.push(usize::try_from(-missing).unwrap_or(0));
            behind.push(usize::try_from(missing).unwrap_or(0));
        }
        // The runtime's InsertZeros adds places behind only where it also adds them between.
        if (0..behind.len()).any(|axis| behind[axis] >= self.strides[axis]) {
            return None;
        }
        Some(attributes([
            ("kernel_shape", ints(&self.kernel)),
            ("strides", ints(&self.strides)),
            ("dilations", ints(&self.dilations)),
            ("pads", ints(&[self.begins.as_slice(), ends.as_slice()].concat())),
            ("output_padding", ints(&behind)),
            ("group", Attribute::Int(groups as i64)),
        ]))
    }
}

/// Conv with constant weights.
pub fn conv(tape: &mut Tape, at: &At) -> Found {
    let Some(weights) = at.input(1).and_then(|value| tape.forward.value(value).constant.clone()) else {
        return Ok(None);
    };
    let groups = usize::try_from(at.node.attributes.int_or("group", 1)).unwrap_or(1);
    let Some(window) = weights.shape().get(2..).and_then(|kernel| Window::of(tape, at, kernel)) else {
        return Ok(None);
    };
    Ok(transposed(tape, at.gradient, &window, weights, groups)?.map(|gradient| vec![(0, gradient)]))
}

/// Convolves a gradient with the transposed convolution. With stride 1, and for depthwise layers, it is a Conv, whose kernels are
/// faster.
fn transposed(
    tape: &mut Tape,
    gradient: ValueId,
    window: &Window,
    weights: Tensor,
    groups: usize,
) -> Result<Option<ValueId>> {
    let Some(attributes) = window.transposed(groups) else { return Ok(None) };
    let shape = tape.shape(gradient);
    let x = Fact::new(DataType::F32, shape);
    let facts = [Some(x), Some(Fact::of(weights.clone()))];
    let call = Call { attributes: &attributes, opset: 18, inputs: &facts, outputs: 1 };
    let how = as_conv(&call)?;
    let is_fast = how.strides.iter().all(|&stride| stride == 1) || groups > 1;
    match turned(&weights, groups) {
        Some(filter) if is_fast && how.begins.iter().chain(&how.ends).all(|&pad| pad >= 0) => {
            Ok(Some(as_one(tape, gradient, &how, filter)?))
        }
        _ => {
            let weights = tape.constant(weights);
            Ok(Some(tape.op_with("ConvTranspose", &[gradient, weights], attributes)?))
        }
    }
}

fn as_one(tape: &mut Tape, gradient: ValueId, how: &AsConv, filter: Tensor) -> Result<ValueId> {
    let ints = |list: &[usize]| Attribute::Ints(list.iter().map(|&int| int as i64).collect());
    let spread = match how.strides.iter().any(|&stride| stride != 1) {
        true => {
            let zeros = attributes([("stride", ints(&how.strides)), ("output_padding", ints(&how.output_padding))]);
            tape.op_with("InsertZeros", &[gradient], zeros)?
        }
        false => gradient,
    };
    let conv = attributes([
        ("kernel_shape", ints(&filter.shape()[2..])),
        ("pads", Attribute::Ints(how.begins.iter().chain(&how.ends).copied().collect())),
        ("dilations", ints(&how.dilations)),
        ("group", Attribute::Int(how.groups as i64)),
    ]);
    let filter = tape.constant(filter);
    tape.op_with("Conv", &[spread, filter], conv)
}

/// AveragePool: a depthwise convolution with ones, divided by the number of elements of each window.
pub fn average_pool(tape: &mut Tape, at: &At) -> Found {
    let kernel: Option<Vec<usize>> = at
        .node
        .attributes
        .ints("kernel_shape")
        .and_then(|list| list.iter().map(|&int| usize::try_from(int).ok()).collect());
    let Some(window) = kernel.as_ref().and_then(|kernel| Window::of(tape, at, kernel)) else { return Ok(None) };
    let counts_pads = at.node.attributes.int_or("count_include_pad", 0) != 0;
    let inside = |axis: usize, output: usize| {
        let place = |tap: usize| (output * window.strides[axis] + tap * window.dilations[axis]) as i64;
        let range = 0..window.input[axis] as i64;
        let is_inside = |&tap: &usize| counts_pads || range.contains(&(place(tap) - window.begins[axis] as i64));
        (0..window.kernel[axis]).filter(is_inside).count()
    };
    let mut shares = vec![1.0f32];
    for axis in 0..window.output.len() {
        let counts: Vec<usize> = (0..window.output[axis]).map(|output| inside(axis, output).max(1)).collect();
        shares = shares.iter().flat_map(|share| counts.iter().map(move |&count| share / count as f32)).collect();
    }
    let shares = tape.constant(Tensor::new(&window.output, shares)?);
    let gradient = tape.op("Mul", &[at.gradient, shares])?;
    let channels = tape.shape(gradient).get(1).copied().unwrap_or(1);
    let shape = [&[channels, 1], window.kernel.as_slice()].concat();
    let ones = Tensor::new(&shape, vec![1.0f32; shape.iter().product()])?;
    Ok(transposed(tape, gradient, &window, ones, channels)?.map(|gradient| vec![(0, gradient)]))
}

/// MaxPool: the gradient goes to the place of the largest element.
pub fn max_pool(tape: &mut Tape, at: &At) -> Found {
    let (Some(x), true) = (at.input(0), at.node.attributes.int_or("storage_order", 0) == 0) else { return Ok(None) };
    let shape = tape.forward.shape(x).unwrap_or_default().to_vec();
    let x = tape.value(x);
    let [_, places] = *tape.node("MaxPool", vec![Some(x)], at.node.attributes.clone(), 2)?.as_slice() else {
        return Ok(None);
    };
    let zeros = tape.constant(Tensor::zeros(DataType::F32, &[shape.iter().product()]));
    let count: usize = tape.shape(places).iter().product();
    let (places, gradient) = (tape.reshape(places, &[count])?, tape.reshape(at.gradient, &[count])?);
    let add = attributes([("reduction", Attribute::Text("add".to_string()))]);
    let sums = tape.op_with("ScatterElements", &[zeros, places, gradient], add)?;
    Ok(Some(vec![(0, tape.reshape(sums, &shape)?)]))
}
