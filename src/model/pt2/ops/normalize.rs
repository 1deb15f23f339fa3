//! Normalizations.

use super::unary::to;
use crate::graph::{Attribute, DataType, Tensor, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Error, Result, bail};

fn epsilon(value: f64) -> (&'static str, Attribute) {
    ("epsilon", Attribute::Float(value as f32))
}

/// Returns a parameter, or a constant of one number where it is left out.
fn parameter<'a>(l: &mut Lowering<'a>, call: Call<'a>, name: &str, shape: &[usize], otherwise: f32) -> Result<ValueId> {
    match l.optional(call, name)? {
        Some(value) => Ok(value),
        None => {
            l.program.claim(shape.iter().product())?;
            let tensor = Tensor::new(shape, vec![otherwise; shape.iter().product()])?;
            Ok(l.constant(tensor))
        }
    }
}

fn channels<'a>(l: &Lowering<'a>, call: Call<'a>) -> Result<usize> {
    match *l.shape(call, "input")? {
        [_, channels, ..] => Ok(channels),
        ref shape => bail!("its input has shape {shape:?}, without channels"),
    }
}

pub fn batch_norm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let count = [channels(l, call)?];
    let x = l.input(call, "input")?;
    let [scale, shift] = [("weight", 1.0), ("bias", 0.0)].map(|(name, otherwise)| match l.late_weight(call, name) {
        Some(value) => Ok(value),
        None => parameter(l, call, name, &count, otherwise),
    });
    let (scale, shift) = (scale?, shift?);
    if l.flag(call, "training", false)? {
        return standardize(l, call, [x, scale, shift]);
    }
    let (Some(mean), Some(variance)) =
        (l.optional_weight(call, "running_mean")?, l.optional_weight(call, "running_var")?)
    else {
        return Err(Error::new("has no statistics of its own: it normalizes by those of each batch")
            .with_help("build the BatchNorm with track_running_stats=True: ESP-DL has the statistics in the weights"));
    };
    let attributes = [
        epsilon(l.float(call, "eps", 1e-5)?),
        ("momentum", Attribute::Float((1.0 - l.float(call, "momentum", 0.1)?) as f32)),
        ("training_mode", Attribute::Int(0)),
    ];
    let y = l.node("BatchNormalization", &[x, scale, shift, mean, variance], attributes);
    l.set(call, y)
}

/// Weights that are normalized by their own statistics when the network runs: nothing of it depends on the input.
fn standardize<'a>(l: &mut Lowering<'a>, call: Call<'a>, [x, scale, shift]: [ValueId; 3]) -> Result<()> {
    let rank = l.shape(call, "input")?.len();
    let mut order: Vec<usize> = (0..rank).filter(|&axis| axis != 1).collect();
    order.push(1);
    let axes = l.int_constant((0..rank as i64 - 1).collect());
    // The exporter normalizes the last axis.
    let columns = super::transpose::turned(l, x, &order)?;
    let over = |l: &mut Lowering<'a>, x, keep| l.node("ReduceMean", &[x, axes], [("keepdims", Attribute::Int(keep))]);
    let mean = over(l, columns, 0);
    let kept = over(l, columns, 1);
    let distance = l.node("Sub", &[columns, kept], []);
    let square = l.node("Mul", &[distance, distance], []);
    let variance = over(l, square, 0);
    let attributes = [
        epsilon(l.float(call, "eps", 1e-5)?),
        ("momentum", Attribute::Float((1.0 - l.float(call, "momentum", 0.1)?) as f32)),
        ("training_mode", Attribute::Int(1)),
    ];
    let inputs = [x, scale, shift, mean, variance].map(Some).to_vec();
    let y = l.node_of("BatchNormalization", inputs, attributes, 3)[0];
    l.set(call, y)
}

pub fn instance_norm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    if !l.flag(call, "use_input_stats", true)? {
        return batch_norm(l, call);
    }
    let count = [channels(l, call)?];
    let x = l.input(call, "input")?;
    let (scale, shift) = (parameter(l, call, "weight", &count, 1.0)?, parameter(l, call, "bias", &count, 0.0)?);
    let y = l.node("InstanceNormalization", &[x, scale, shift], [epsilon(l.float(call, "eps", 1e-5)?)]);
    l.set(call, y)
}

/// An InstanceNormalization over the groups, and the factors of the channels behind it.
pub fn group_norm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, shape) = (l.input(call, "input")?, l.shape(call, "input")?);
    let (groups, channels) = (l.int(call, "num_groups", 1)?, channels(l, call)?);
    let Some(count) = usize::try_from(groups).ok().filter(|&groups| groups > 0 && channels.is_multiple_of(groups))
    else {
        bail!("{groups} groups of {channels} channels")
    };
    l.program.claim(2 * count)?;
    let by_group = l.int_constant(vec![0, groups, -1]);
    let grouped = l.node("Reshape", &[x, by_group], [("allowzero", Attribute::Int(0))]);
    let ones = l.constant(Tensor::new(&[count], vec![1f32; count])?);
    let zeros = l.constant(Tensor::new(&[count], vec![0f32; count])?);
    let eps = epsilon(l.float(call, "eps", 1e-5)?);
    let normal = l.node("InstanceNormalization", &[grouped, ones, zeros], [eps]);
    let whole = super::shape::of(l, x);
    let normal = super::shape::reshape(l, normal, whole);
    let mut wide = vec![channels];
    wide.resize(shape.len() - 1, 1);
    let mut factors = Vec::new();
    for (name, otherwise) in [("weight", 1.0), ("bias", 0.0)] {
        let value = parameter(l, call, name, &[channels], otherwise)?;
        factors.push(super::activation::reshaped(l, value, &[channels], &wide)?);
    }
    let scaled = l.node("Mul", &[normal, factors[0]], []);
    let y = l.node("Add", &[scaled, factors[1]], []);
    l.set(call, y)
}

pub fn layer_norm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let normalized = l.ints(call, "normalized_shape")?.unwrap_or_default();
    let shape = super::super::tensors::shape(&normalized)?;
    let x = l.input(call, "input")?;
    let scale = parameter(l, call, "weight", &shape, 1.0)?;
    let shift = parameter(l, call, "bias", &shape, 0.0)?;
    let attributes = [("axis", Attribute::Int(-(shape.len() as i64))), epsilon(l.float(call, "eps", 1e-5)?)];
    let y = l.node("LayerNormalization", &[x, scale, shift], attributes);
    l.set(call, y)
}

/// The root of the mean of the squares, by parts: no operator of set 18 computes it.
pub fn rms_norm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, kind) = (l.input(call, "input")?, l.kind(call, "input")?);
    let count = l.ints(call, "normalized_shape")?.unwrap_or_default().len() as i64;
    let two = l.number(2.0, kind);
    let squares = l.node("Pow", &[x, two], []);
    let axes = l.int_constant((-count..0).collect());
    let mean = l.node("ReduceMean", &[squares, axes], [("keepdims", Attribute::Int(1))]);
    let eps = l.float(call, "eps", f64::from(f32::EPSILON))?;
    let eps = l.number(eps, kind);
    let sum = l.node("Add", &[mean, eps], []);
    let root = l.node("Sqrt", &[sum], []);
    let factor = l.node("Reciprocal", &[root], []);
    let mut y = l.node("Mul", &[x, factor], []);
    if let Some(weight) = l.optional(call, "weight")? {
        y = l.node("Mul", &[y, weight], []);
    }
    l.set(call, y)
}

pub fn softmax<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    over_axis(l, call, "Softmax")
}

pub fn log_softmax<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    over_axis(l, call, "LogSoftmax")
}

fn over_axis<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str) -> Result<()> {
    let (x, from, into): (ValueId, DataType, DataType) =
        (l.input(call, "self")?, l.kind(call, "self")?, l.output_kind(call)?);
    let x = to(l, x, from, into);
    let y = l.node(op, &[x], [("axis", Attribute::Int(l.int(call, "dim", -1)?))]);
    l.set(call, y)
}
