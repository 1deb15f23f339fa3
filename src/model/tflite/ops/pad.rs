//! PAD, PADV2 and MIRROR_PAD. Zeros around height and width go into the convolution that reads them.

use crate::graph::{Attribute, Tensor};
use crate::model::tflite::file::Operator;
use crate::model::tflite::lowering::{Lowering, Padding, Placed};
use crate::{Result, bail};

pub fn pad(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (input, output) = (op.input(0)?, op.output()?);
    let pads = paddings(l, op)?;
    let value = match op.optional(2) {
        Some(value) => Some(l.weights(value, "padding")?),
        None => None,
    };
    let is_zero = value.as_ref().is_none_or(|value| value.slice::<f32>() == Some(&[0.0]));
    if let &[[0, 0], height, width, [0, 0]] = pads.as_slice()
        && is_zero
        && l.only_reader(output).is_some_and(|reader| {
            matches!(reader.code, 3 | 4) && reader.optional(0) == Some(output) && is_valid(reader)
        })
        && l.constant(input)?.is_none()
        && !l.paddings.contains_key(&input)
    {
        l.paddings.insert(output, Padding { tensor: input, pads: [height, width], dilation: [1; 2] });
        return Ok(());
    }
    let filler = value.map(|value| value.reshape(&[])).transpose()?;
    lower(l, op, &pads, "constant", filler)
}

/// Padding of its own would depend on the size of the padded input.
fn is_valid(conv: &Operator) -> bool {
    conv.byte(0).is_ok_and(|padding| padding == 1)
}

pub fn mirror(l: &mut Lowering, op: &Operator) -> Result<()> {
    let pads = paddings(l, op)?;
    match op.byte(0)? {
        0 => lower(l, op, &pads, "reflect", None),
        _ if pads.iter().flatten().all(|&pad| pad <= 1) => lower(l, op, &pads, "edge", None),
        _ => bail!("SYMMETRIC of more than one cell is not supported: use REFLECT"),
    }
}

fn lower(l: &mut Lowering, op: &Operator, pads: &[[usize; 2]], mode: &str, filler: Option<Tensor>) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let layout = l.layout(input);
    let padded: Vec<usize> = shape.iter().zip(pads).map(|(&length, pads)| length + pads[0] + pads[1]).collect();
    let x = l.laid(input, layout)?;
    let placed = layout.order(pads);
    let [before, behind] = [0, 1].map(|end| placed.iter().map(|pads| pads[end] as i64).collect::<Vec<i64>>());
    let base = l.base(op);
    let both = l.int_constant(&format!("{base}/pads"), [before, behind].concat());
    let mut inputs = vec![Some(x), Some(both)];
    if let Some(filler) = filler {
        inputs.push(Some(l.add_constant(&format!("{base}/value"), filler)));
    }
    let attributes = [("mode", Attribute::Text(mode.to_string()))];
    l.emit(op, "Pad", &inputs, attributes, Placed::new(layout, padded))
}

/// Returns the cells before and behind each axis.
fn paddings(l: &mut Lowering, op: &Operator) -> Result<Vec<[usize; 2]>> {
    let rank = l.shape(op.input(0)?)?.len();
    let ints = l.ints(op.input(1)?, "paddings")?;
    let pads: Option<Vec<usize>> =
        ints.iter().map(|&pad| usize::try_from(pad).ok().filter(|&pad| pad <= 1 << 20)).collect();
    match pads {
        Some(pads) if pads.len() == 2 * rank => Ok(pads.as_chunks::<2>().0.to_vec()),
        _ => bail!("paddings of {ints:?} for {rank} dimensions"),
    }
}
