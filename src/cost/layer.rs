//! Work of one node: the kernel that ESP-DL chooses for it (`dl/base/dl_base_*.cpp`), and what this kernel reads and
//! computes.

use serde::{Deserialize, Serialize};

use crate::chip::{Buffer, Family};
use crate::espdl::{Attribute, Node};
use crate::ops;

use super::instructions::Pixel;
use super::shapes::{Shapes, elements};
use super::{Board, Interval, Term, Work};

/// Cost of one node of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerCost {
    /// Name of the node in the file.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Kernel in words: "1x1 int8, channels fill no block".
    pub kernel: String,
    /// Products of two numbers that it adds up.
    pub macs: u64,
    /// Output pixels: the kernel reads all weights for each.
    pub pixels: u64,
    /// Bytes of its parameters in RAM, each rounded up to 16.
    pub weight_bytes: usize,
    /// Bytes in the file: parameters, exponents, tables and names.
    pub flash_bytes: usize,
    /// Bytes of the values that it reads.
    pub input_bytes: usize,
    /// Bytes of the values that it makes.
    pub output_bytes: usize,
    /// Set if weights exceed the cache, so that they are read from memory for every pixel.
    pub rereads: bool,
    /// Set if a convolution's channels do not fill the blocks of a vector register.
    pub is_unaligned: bool,
    /// Channels that fill all blocks, if they would take less time.
    pub padding: Option<Padding>,
    /// Share of its time in which it waits for weights.
    pub waits: f64,
    /// Set if two cores can share it.
    pub splits: bool,
    /// Time in microseconds; `None` on chips without published times.
    pub time: Option<Interval>,
    /// Units of work by kind.
    pub work: Work,
}

/// Channels with zeros added so that they fill all blocks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Padding {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Microseconds that they save.
    pub saves: f64,
    /// Bytes of weights that they add.
    pub adds_bytes: usize,
}

/// Work and kernel of a node, before its time is known.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    pub kernel: String,
    pub macs: usize,
    pub pixels: usize,
    /// Bytes of constants that are read for every pixel.
    pub weights: usize,
    pub is_unaligned: bool,
    pub splits: bool,
    pub work: Work,
    /// Convolution at one pixel, if it is none by channel.
    pub pixel: Option<Pixel>,
}

/// Share of weights beyond a cache that are read again: none up to its size, all from 1.25 of it on.
pub fn overflow(weights: usize, cache: usize) -> f64 {
    ((weights as f64 / cache.max(1) as f64 - 1.0) / 0.25).clamp(0.0, 1.0)
}

/// Share of a value that no longer lies in the cache when the next node reads it.
fn spill(bytes: usize, cache: usize) -> f64 {
    ((bytes as f64 / cache.max(1) as f64 - 0.5) / 0.5).clamp(0.0, 1.0)
}

/// The level-one data cache of the P4.
pub const NEAR_BYTES: usize = 64 << 10;

/// Counts what a node does.
pub fn count(node: &Node, shapes: &Shapes, family: Family, board: &Board) -> Counted {
    let mut counted = match node.op.as_str() {
        "Conv" | "ConvTranspose" => convolution(node, shapes, family),
        "Gemm" | "MatMul" => product(node, shapes, family),
        _ => None,
    }
    .unwrap_or_else(|| element_wise(node, shapes));
    let is_free = ops::on_chip(&node.op).is_some_and(|chip| chip.buffer == Buffer::Shared);
    counted.work.add(Term::Nodes, 1.0);
    let constants = (0..node.inputs.len()).filter_map(|port| shapes.parameter(node, port));
    counted.weights = constants.map(|tensor| tensor.bytes.len()).sum();
    add_weights(&mut counted, family, board);
    if !is_free {
        for name in node.inputs.iter().chain(&node.outputs) {
            let bytes = shapes.value_bytes(name);
            counted.work.add(Term::Values, bytes as f64);
            if board.has_psram() {
                counted.work.add(Term::Spilled, bytes as f64 * spill(bytes, board.cache_bytes));
            }
        }
    }
    counted
}

/// Counts the same convolution with channels that fill all blocks; `None` if they do.
pub fn padded(counted: &Counted, family: Family, board: &Board) -> Option<(Pixel, Counted)> {
    let pixel = counted.pixel.filter(|_| counted.is_unaligned)?;
    let full = |channels: usize| channels.next_multiple_of(pixel.lanes());
    let wide = Pixel { inputs: full(pixel.inputs), outputs: full(pixel.outputs), ..pixel };
    let size = |pixel: &Pixel| pixel.filter[0] * pixel.filter[1] * pixel.inputs * pixel.outputs;
    let mut other = dense_or_depthwise(wide, false, counted.pixels, 0, family);
    // Biases grow, too, but by little.
    other.weights = counted.weights.checked_mul(size(&wide))? / size(&pixel).max(1);
    other.work.add(Term::Nodes, 1.0);
    other.work.add(Term::Values, counted.work.of(Term::Values));
    other.work.add(Term::Spilled, counted.work.of(Term::Spilled));
    other.splits = counted.splits;
    add_weights(&mut other, family, board);
    Some((wide, other))
}

fn add_weights(counted: &mut Counted, family: Family, board: &Board) {
    let (weights, pixels) = (counted.weights as f64, counted.pixels as f64);
    if family == Family::P4 {
        counted.work.add(Term::Near, pixels * weights * overflow(counted.weights, NEAR_BYTES));
    }
    let read = weights + pixels * weights * overflow(counted.weights, board.cache_bytes);
    match (board.reads_flash(), board.has_psram()) {
        (true, _) => counted.work.add(Term::Flash, read),
        (false, true) => counted.work.add(Term::Psram, read),
        (false, false) => {}
    }
}

fn pixel(node: &Node, shapes: &Shapes, family: Family, filter: [usize; 2], channels: [usize; 2]) -> Pixel {
    let [inputs, outputs] = channels;
    let has_activation = node.text("activation").is_some_and(|activation| activation != "Linear");
    let is_wide = shapes.width(node).is_some_and(|bits| bits > 8);
    Pixel { family, is_wide, filter, inputs, outputs, has_activation }
}

/// Counts a Conv: the filter is stored as height, width, input and output channels.
fn convolution(node: &Node, shapes: &Shapes, family: Family) -> Option<Counted> {
    let (filter, output) = (shapes.input(node, 1)?, shapes.output(node)?);
    let (&[.., second, last], rank) = (filter.as_slice(), filter.len()) else { return None };
    let window = match &filter[..rank - 2] {
        [] => [1, 1],
        [width] => [1, *width],
        [.., height, width] => [*height, *width],
    };
    let is_depthwise = node.int("group").is_some_and(|group| group > 1);
    let channels = if is_depthwise { [1, second] } else { [second, last] };
    let pixel = pixel(node, shapes, family, window, channels);
    let pixels = elements(&output).checked_div(channels[1])?;
    let taps = window[0].checked_mul(window[1])?;
    let macs = elements(&output).saturating_mul(taps).saturating_mul(channels[0]);
    let mut counted = dense_or_depthwise(pixel, is_depthwise, pixels, macs, family);
    let input = shapes.input(node, 0)?;
    let height = if input.len() == 4 { input[1] } else { 1 };
    let dilation = match node.attribute("dilations") {
        Some(Attribute::Ints(list)) => list.first().copied().and_then(|d| usize::try_from(d).ok()).unwrap_or(1),
        _ => 1,
    };
    counted.splits = height > 4usize.saturating_mul(dilation).saturating_mul(window[0]);
    Some(counted)
}

/// Counts a Gemm or MatMul, which run as a 1x1 convolution whose pixels are rows.
fn product(node: &Node, shapes: &Shapes, family: Family) -> Option<Counted> {
    let (left, output) = (shapes.input(node, 0)?, shapes.output(node)?);
    let (&inputs, &outputs) = (left.last()?, output.last()?);
    let pixels = elements(&output).checked_div(outputs)?;
    let pixel = pixel(node, shapes, family, [1, 1], [inputs, outputs]);
    Some(dense_or_depthwise(pixel, false, pixels, elements(&output).saturating_mul(inputs), family))
}

fn dense_or_depthwise(pixel: Pixel, is_depthwise: bool, pixels: usize, macs: usize, family: Family) -> Counted {
    let [height, width] = pixel.filter;
    let bits = if pixel.is_wide { 16 } else { 8 };
    let is_unaligned = match is_depthwise {
        true => !pixel.outputs.is_multiple_of(pixel.lanes()),
        false => !pixel.is_aligned(),
    };
    let depthwise = if is_depthwise { "depthwise " } else { "" };
    let mut counted = Counted {
        kernel: format!("{depthwise}{height}x{width} int{bits}"),
        macs,
        pixels,
        is_unaligned,
        ..Counted::default()
    };
    if family == Family::C {
        counted.kernel += ", C loop";
        counted.is_unaligned = false;
        counted.work.add(Term::Loops, macs as f64);
        return counted;
    }
    if is_unaligned {
        counted.kernel += ", unaligned";
    }
    counted.pixel = Some(pixel).filter(|_| !is_depthwise);
    let times = pixels as f64;
    if is_depthwise {
        counted.work.add(Term::Depthwise, times * pixel.depthwise());
    } else {
        let count = pixel.dense();
        counted.work.add(Term::Blocks, times * count.blocks);
        counted.work.add(Term::Rest, times * count.rest);
    }
    counted.work.add(Term::Pixels, times);
    counted
}

/// Counts all other operators by their elements.
fn element_wise(node: &Node, shapes: &Shapes) -> Counted {
    let made = shapes.output(node).map_or(0, |shape| elements(&shape)) as f64;
    let read = shapes.input(node, 0).map_or(0, |shape| elements(&shape)) as f64;
    let bytes: usize = node.outputs.iter().map(|name| shapes.value_bytes(name)).sum();
    let (kernel, term, units) = match node.op.as_str() {
        _ if node.attribute("lut").is_some() => ("table", Term::Tabled, made),
        "LUT" => ("table", Term::Tabled, made),
        "Transpose" => ("element by element", Term::Transposed, made),
        "Softmax" | "LogSoftmax" | "LayerNormalization" | "RMSNormalization" | "LpNormalization" | "ReduceLogSum"
        | "ReduceLogSumExp" | "ReduceL1" | "ReduceL2" | "Div" | "Pow" | "Mod" | "Sqrt" | "Exp" | "Log" | "Sigmoid"
        | "Tanh" | "Gelu" | "Elu" | "HardSigmoid" | "HardSwish" | "Swish" => ("float loop", Term::Float, made),
        "MaxPool" | "AveragePool" => ("window", Term::Pooled, made * window(node)),
        "Resize" => ("resize", Term::Resized, made),
        "GRU" | "LSTM" => return recurrent(node, shapes),
        op if op.starts_with("Reduce") || op.starts_with("Global") => ("reduction", Term::Reduced, read),
        "Concat" | "Split" | "Slice" | "Pad" | "Gather" | "InsertZeros" | "Tile" | "Expand" | "DepthToSpace"
        | "SpaceToDepth" | "ScatterND" | "StreamingCache" => ("copy", Term::Copied, bytes as f64),
        op if ops::on_chip(op).is_some_and(|chip| chip.buffer == Buffer::Shared) => ("none", Term::Copied, 0.0),
        op if ops::on_chip(op).is_some_and(|chip| chip.buffer == Buffer::Overwritten) => {
            ("element-wise", Term::Elements, made)
        }
        "Mul" | "Sub" => ("element-wise", Term::Elements, made),
        _ => ("C loop", Term::Loops, made.max(read)),
    };
    let mut counted = Counted { kernel: kernel.to_string(), ..Counted::default() };
    counted.work.add(term, units);
    counted
}

fn window(node: &Node) -> f64 {
    match node.attribute("kernel_shape") {
        Some(Attribute::Ints(sizes)) => sizes.iter().map(|&size| size.max(1) as f64).product(),
        _ => 1.0,
    }
}

/// Counts a recurrent layer, whose products are loops in C.
fn recurrent(node: &Node, shapes: &Shapes) -> Counted {
    let elements_of = |port: usize| shapes.parameter(node, port).map_or(0, |tensor| elements(&tensor.dims));
    let steps = shapes.input(node, 0).and_then(|shape| shape.first().copied()).unwrap_or(0);
    let macs = elements_of(1).saturating_add(elements_of(2)).saturating_mul(steps);
    let made = shapes.output(node).map_or(0, |shape| elements(&shape)) as f64;
    let gates = if node.op == "GRU" { 3.0 } else { 4.0 };
    let mut counted = Counted { kernel: "recurrent, C loop".to_string(), macs, ..Counted::default() };
    counted.work.add(Term::Loops, macs as f64);
    counted.work.add(Term::Float, made * gates);
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_again_beyond_the_cache() {
        let shares = [64, 65, 72, 80, 200].map(|kilobytes| overflow(kilobytes << 10, 64 << 10));
        assert_eq!(shares, [0.0, 0.0625, 0.5, 1.0, 1.0]);
        assert_eq!([32, 48, 64].map(|kilobytes| spill(kilobytes << 10, 64 << 10)), [0.0, 0.5, 1.0]);
    }
}
