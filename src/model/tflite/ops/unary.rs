//! Operators of one value, element by element: they keep the order of axes that they get.

use crate::graph::{Attribute, Tensor};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Placed};
use crate::{Result, bail};

macro_rules! operators {
    ($($name:ident $onnx:literal;)*) => {
        $(pub fn $name(l: &mut Lowering, op: &Operator) -> Result<()> { plain(l, op, $onnx, None) })*
    };
}

operators! {
    abs "Abs";
    ceil "Ceil";
    cos "Cos";
    elu "Elu";
    exp "Exp";
    floor "Floor";
    hard_swish "HardSwish";
    log "Log";
    logistic "Sigmoid";
    neg "Neg";
    not "Not";
    relu "Relu";
    round "Round";
    sign "Sign";
    sin "Sin";
    sqrt "Sqrt";
    tanh "Tanh";
}

fn plain(l: &mut Lowering, op: &Operator, onnx: &str, attribute: Option<(&'static str, Attribute)>) -> Result<()> {
    let input = op.input(0)?;
    let (layout, shape) = (l.layout(input), l.shape(input)?);
    let x = l.laid(input, layout)?;
    l.emit(op, onnx, &[Some(x)], attribute, Placed::new(layout, shape))
}

pub fn leaky_relu(l: &mut Lowering, op: &Operator) -> Result<()> {
    plain(l, op, "LeakyRelu", Some(("alpha", Attribute::Float(op.float(0, 0.0)?))))
}

pub fn gelu(l: &mut Lowering, op: &Operator) -> Result<()> {
    let form = if op.flag(0)? { "tanh" } else { "none" };
    plain(l, op, "Gelu", Some(("approximate", Attribute::Text(form.to_string()))))
}

pub fn relu6(l: &mut Lowering, op: &Operator) -> Result<()> {
    clip(l, op, 0.0, 6.0)
}

pub fn relu_n1_to_1(l: &mut Lowering, op: &Operator) -> Result<()> {
    clip(l, op, -1.0, 1.0)
}

pub fn relu_0_to_1(l: &mut Lowering, op: &Operator) -> Result<()> {
    clip(l, op, 0.0, 1.0)
}

fn clip(l: &mut Lowering, op: &Operator, least: f32, most: f32) -> Result<()> {
    let (input, output) = (op.input(0)?, op.output()?);
    let (layout, shape) = (l.layout(input), l.shape(input)?);
    let x = l.laid(input, layout)?;
    let base = l.base(op);
    let value = l.value(&base);
    l.activate(&base, Activation::Clip(least, most), x, value);
    l.set(output, value, layout, shape)
}

pub fn square(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let (layout, shape) = (l.layout(input), l.shape(input)?);
    let x = l.laid(input, layout)?;
    l.emit(op, "Mul", &[Some(x), Some(x)], [], Placed::new(layout, shape))
}

pub fn rsqrt(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let (layout, shape) = (l.layout(input), l.shape(input)?);
    let x = l.laid(input, layout)?;
    let root = l.node(&format!("{}/Sqrt", l.base(op)), "Sqrt", &[Some(x)], []);
    l.emit(op, "Reciprocal", &[Some(root)], [], Placed::new(layout, shape))
}

/// Slopes are one for each channel, as a rule: `[1, 1, C]` becomes `[C, 1, 1]`.
pub fn prelu(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (input, slopes) = (op.input(0)?, op.input(1)?);
    let (layout, shape) = (l.layout(input), l.shape(input)?);
    let x = l.laid(input, layout)?;
    let alpha = l.weights(slopes, "slopes")?;
    let of_slopes = alpha.shape().to_vec();
    if of_slopes.len() > shape.len() {
        bail!("slopes of shape {of_slopes:?} for an input of shape {shape:?}")
    }
    let alpha = match (layout, of_slopes.as_slice()) {
        (Layout::Plain, _) => l.plain(slopes)?,
        (Layout::First, &[h, w, c]) => l.reordered(slopes, "/chw", alpha.reshape(&[h, w, c])?, &[2, 0, 1])?,
        (Layout::First, &[1, h, w, c]) => l.reordered(slopes, "/chw", alpha.reshape(&[h, w, c])?, &[2, 0, 1])?,
        (Layout::First, &[c]) => l.constant_of(slopes, "/chw", alpha.reshape(&[c, 1, 1])?),
        (Layout::First, &[]) => l.constant_of(slopes, "/chw", alpha.reshape(&[1])?),
        _ => bail!("slopes of shape {of_slopes:?} for an input of shape {shape:?}"),
    };
    l.emit(op, "PRelu", &[Some(x), Some(alpha)], [], Placed::new(layout, shape))
}

/// A tensor of one number.
pub fn number(l: &mut Lowering, name: &str, value: f32) -> crate::graph::ValueId {
    l.add_constant(name, Tensor::scalar(value))
}
