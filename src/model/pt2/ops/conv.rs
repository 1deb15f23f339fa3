//! Convolutions.

use crate::graph::{Attribute, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Error, Result, bail};

/// Arguments that both directions have.
struct Window {
    x: ValueId,
    weight: ValueId,
    bias: Option<ValueId>,
    kernel: Vec<i64>,
    strides: Vec<i64>,
    dilations: Vec<i64>,
    group: i64,
}

impl Window {
    fn of<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<Window> {
        let (shape, weights) = (l.shape(call, "input")?, l.shape(call, "weight")?);
        let dimensions = weights.len().saturating_sub(2);
        if !(1..=2).contains(&dimensions) {
            return Err(Error::new(format!("has {dimensions} dimensions"))
                .with_help("ESP-DL has convolutions of 1 and 2 dimensions: replace the layer"));
        }
        if shape.len() != weights.len() {
            return Err(Error::new(format!("its input has shape {shape:?}, without a batch"))
                .with_help("export the model with an input that has a batch of 1"));
        }
        Ok(Window {
            x: l.input(call, "input")?,
            weight: l.weight(call, "weight")?,
            bias: l.optional(call, "bias")?,
            kernel: weights[2..].iter().map(|&length| length as i64).collect(),
            strides: l.spread(call, "stride", dimensions, 1)?,
            dilations: l.spread(call, "dilation", dimensions, 1)?,
            group: l.int(call, "groups", 1)?,
        })
    }

    fn emit(self, l: &mut Lowering, op: &'static str, more: Vec<(&'static str, Attribute)>) -> ValueId {
        let mut attributes = vec![
            ("dilations", Attribute::Ints(self.dilations)),
            ("group", Attribute::Int(self.group)),
            ("kernel_shape", Attribute::Ints(self.kernel)),
            ("strides", Attribute::Ints(self.strides)),
        ];
        attributes.extend(more);
        let mut inputs = vec![Some(self.x), Some(self.weight)];
        inputs.extend(self.bias.map(Some));
        l.node_of(op, inputs, attributes, 1)[0]
    }
}

/// Pads as much behind as before.
fn both(padding: &[i64]) -> (&'static str, Attribute) {
    ("pads", Attribute::Ints([padding, padding].concat()))
}

pub fn conv<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let window = Window::of(l, call)?;
    let count = window.kernel.len();
    let padding = match call.operator().ends_with(".padding") {
        false => both(&l.spread(call, "padding", count, 0)?),
        true => match l.text(call, "padding", "valid")? {
            "valid" => both(&vec![0; count]),
            "same" => ("auto_pad", Attribute::Text("SAME_UPPER".to_string())),
            other => bail!("padding='{other}' is not supported"),
        },
    };
    let y = window.emit(l, "Conv", vec![padding]);
    l.set(call, y)
}

pub fn conv_transpose<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let window = Window::of(l, call)?;
    transposed(l, call, window)
}

fn transposed<'a>(l: &mut Lowering<'a>, call: Call<'a>, window: Window) -> Result<()> {
    let count = window.kernel.len();
    let mut more = vec![both(&l.spread(call, "padding", count, 0)?)];
    let output_padding = l.spread(call, "output_padding", count, 0)?;
    if output_padding.iter().any(|&padding| padding != 0) {
        more.push(("output_padding", Attribute::Ints(output_padding)));
    }
    let y = window.emit(l, "ConvTranspose", more);
    l.set(call, y)
}

/// Both directions, in a decomposed program.
pub fn convolution<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let window = Window::of(l, call)?;
    if l.flag(call, "transposed", false)? {
        return transposed(l, call, window);
    }
    let padding = both(&l.spread(call, "padding", window.kernel.len(), 0)?);
    let y = window.emit(l, "Conv", vec![padding]);
    l.set(call, y)
}
