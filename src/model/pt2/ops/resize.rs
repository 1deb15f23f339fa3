//! Resizing of maps.

use super::shape;
use crate::graph::{Attribute, Tensor};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::model::pt2::schema::Argument;
use crate::{Error, Result, bail};

pub fn nearest<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    resize(l, call, "nearest", "asymmetric")
}

pub fn linear<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let corners = corners(l, call)?;
    resize(l, call, "linear", corners)
}

pub fn bicubic<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let corners = corners(l, call)?;
    resize(l, call, "cubic", corners)
}

/// Resizing with antialiasing: ESP-DL has no kernel, and only what keeps its size is read.
pub fn antialiased<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (from, into) = (l.shape(call, own(call))?, l.output_shape(call)?);
    if from == into {
        return super::unary::same(l, call);
    }
    let what = format!("resizes from {from:?} to {into:?} with antialiasing, which no operator of set 18 does");
    let help = "leave out antialias=True, or resize before the network; if it is a position embedding, build the model \
                for the size of its input";
    Err(Error::new(what).with_help(help))
}

fn corners<'a>(l: &Lowering<'a>, call: Call<'a>) -> Result<&'static str> {
    Ok(if l.flag(call, "align_corners", false)? { "align_corners" } else { "half_pixel" })
}

fn resize<'a>(l: &mut Lowering<'a>, call: Call<'a>, mode: &str, coordinates: &str) -> Result<()> {
    let x = l.input(call, own(call))?;
    let (from, into) = (l.shape(call, own(call))?, l.output_shape(call)?);
    let text = |text: &str| Attribute::Text(text.to_string());
    let attributes = [
        ("coordinate_transformation_mode", text(coordinates)),
        ("cubic_coeff_a", Attribute::Float(-0.75)),
        ("mode", text(mode)),
        ("nearest_mode", text("floor")),
    ];
    let mut inputs = vec![Some(x), None];
    match factors(l, call, from.len().saturating_sub(2))? {
        Some(factors) => {
            let scales: Vec<f32> = [1.0, 1.0].into_iter().chain(factors).map(|factor| factor as f32).collect();
            let scales = l.constant(Tensor::new(&[scales.len()], scales)?);
            inputs.push(Some(scales));
        }
        None => {
            let lengths = shape::of(l, x);
            let front = shape::part(l, lengths, 0, 2);
            let sizes = l.int_constant(into.iter().skip(2).map(|&length| length as i64).collect());
            let sizes = shape::joined(l, &[front, sizes]);
            inputs.extend([None, Some(sizes)]);
        }
    }
    let y = l.node_of("Resize", inputs, attributes, 1)[0];
    l.set(call, y)
}

fn own(call: Call<'_>) -> &str {
    call.node.inputs.first().map_or("input", |named| &*named.name)
}

/// Returns the factors of the axes behind the channels, if the program is given these and no sizes.
fn factors<'a>(l: &Lowering<'a>, call: Call<'a>, count: usize) -> Result<Option<Vec<f64>>> {
    let given = match call.argument("scale_factors") {
        Some(Argument::Floats(factors)) => factors.clone(),
        Some(Argument::Float(factor)) => vec![*factor],
        _ if call.argument("scales_h").is_some_and(|scale| !matches!(scale, Argument::None)) => {
            vec![l.float(call, "scales_h", 1.0)?, l.float(call, "scales_w", 1.0)?]
        }
        _ => return Ok(None),
    };
    match given.len() == count {
        true => Ok(Some(given)),
        false => bail!("{} factors for {count} axes", given.len()),
    }
}
