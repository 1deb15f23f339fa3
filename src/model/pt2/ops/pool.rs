//! Pooling.

use crate::graph::Attribute;
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Error, Result, bail};

/// Counts the axes that are pooled.
fn dimensions(call: Call) -> usize {
    if call.operator().contains("1d") { 1 } else { 2 }
}

struct Window {
    kernel: Vec<i64>,
    strides: Vec<i64>,
    pads: Vec<i64>,
    ceil: i64,
}

impl Window {
    /// Reads the arguments; without a stride, windows lie side by side.
    fn of<'a>(l: &Lowering<'a>, call: Call<'a>) -> Result<Window> {
        let count = dimensions(call);
        check_rank(&l.shape(call, "self")?, count)?;
        let kernel = l.spread(call, "kernel_size", count, 1)?;
        let strides = match l.ints(call, "stride")?.unwrap_or_default().is_empty() {
            true => kernel.clone(),
            false => l.spread(call, "stride", count, 1)?,
        };
        let padding = l.spread(call, "padding", count, 0)?;
        let ceil = i64::from(l.flag(call, "ceil_mode", false)?);
        Ok(Window { kernel, strides, pads: [padding.clone(), padding].concat(), ceil })
    }

    fn attributes(self) -> Vec<(&'static str, Attribute)> {
        vec![
            ("ceil_mode", Attribute::Int(self.ceil)),
            ("kernel_shape", Attribute::Ints(self.kernel)),
            ("pads", Attribute::Ints(self.pads)),
            ("strides", Attribute::Ints(self.strides)),
        ]
    }
}

fn check_rank(shape: &[usize], count: usize) -> Result<()> {
    if shape.len() == count + 2 {
        return Ok(());
    }
    Err(Error::new(format!("its input has shape {shape:?}, without a batch"))
        .with_help("export the model with an input that has a batch of 1"))
}

pub fn max<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let mut attributes = Window::of(l, call)?.attributes();
    attributes.push(("dilations", Attribute::Ints(l.spread(call, "dilation", dimensions(call), 1)?)));
    let y = l.node("MaxPool", &[x], attributes);
    l.set(call, y)
}

pub fn average<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let window = Window::of(l, call)?;
    if let Some(divisor) = l.optional_int(call, "divisor_override")?
        && divisor != window.kernel.iter().product::<i64>()
    {
        bail!("divides by {divisor} instead of the size of its window, which ESP-DL does not")
    }
    let mut attributes = window.attributes();
    let counts = l.flag(call, "count_include_pad", true)?;
    attributes.push(("count_include_pad", Attribute::Int(i64::from(counts))));
    let y = l.node("AveragePool", &[x], attributes);
    l.set(call, y)
}

/// Returns the window that makes an output of a given size, if each window has the same.
fn adaptive<'a>(l: &Lowering<'a>, call: Call<'a>) -> Result<(Vec<i64>, Vec<i64>)> {
    let count = dimensions(call);
    let (shape, wanted) = (l.shape(call, "self")?, l.output_shape(call)?);
    check_rank(&shape, count)?;
    let pairs: Vec<(usize, usize)> = shape.iter().copied().zip(wanted).skip(2).collect();
    if let Some((length, wanted)) =
        pairs.iter().find(|(length, wanted)| *wanted == 0 || !length.is_multiple_of(*wanted))
    {
        let what =
            format!("makes {wanted} of a length of {length}: its windows have different sizes, which no kernel has");
        let help = "choose an output size that divides the input's, or an input size that it divides";
        return Err(Error::new(what).with_help(help));
    }
    let kernel = pairs.iter().map(|&(length, wanted)| (length / wanted) as i64).collect();
    Ok((kernel, pairs.iter().map(|&(_, wanted)| wanted as i64).collect()))
}

pub fn adaptive_average<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let (kernel, wanted) = adaptive(l, call)?;
    let y = match wanted.iter().all(|&length| length == 1) {
        true => l.node("GlobalAveragePool", &[x], []),
        false => {
            let strides = ("strides", Attribute::Ints(kernel.clone()));
            l.node("AveragePool", &[x], [("kernel_shape", Attribute::Ints(kernel)), strides])
        }
    };
    l.set(call, y)
}

pub fn adaptive_max<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let (kernel, wanted) = adaptive(l, call)?;
    let strides = ("strides", Attribute::Ints(kernel.clone()));
    let pads = ("pads", Attribute::Ints(vec![0; 2 * wanted.len()]));
    let y = l.node("MaxPool", &[x], [("kernel_shape", Attribute::Ints(kernel)), pads, strides]);
    l.set(call, y)
}
