//! Add, Sub, Mul, Div with broadcasting.
//!
//! Add and Sub take integers as they are (`dl_base_add.cpp`). Mul of a P4 or S3 is an exact shift where the innermost run
//! of elements fills a vector, and a float product elsewhere (`dl_base_mul.cpp`); Div is always float.
//!
//! Never: comparisons.

use crate::chip::Family;
use crate::chip::QuantType;
use crate::{Result, bail};

use super::round::{round, scale, shift};
use super::step::Step;
use super::value::{Value, Whole};

pub fn binary(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => binary_of::<i8>(step),
        QuantType::S16 => binary_of::<i16>(step),
        _ => binary_float(step),
    }
}

fn binary_float(step: &Step) -> Result<Vec<Value>> {
    let (a, b) = (step.input(0)?, step.input(1)?);
    let dims = broadcast(&a.dims, &b.dims)?;
    let ([_, inner_b, _], rank) = merged(&a.dims, &b.dims, &dims);
    if rank > 4 {
        bail!("shapes {:?} and {:?} need {rank} loops, the chip has 4", a.dims, b.dims);
    }
    let (left, right) = (a.floats()?, b.floats()?);
    let function: fn(f32, f32) -> f32 = match step.node.op.as_str() {
        "Add" => |x, y| x + y,
        "Sub" => |x, y| x - y,
        "Mul" => |x, y| x * y,
        // One divisor for a run: its inverse, which is a division of doubles.
        "Div" if inner_b == 1 => |x, y| x * (1.0 / f64::from(y)) as f32,
        "Div" => |x, y| x / y,
        _ => return step.unsupported(),
    };
    let pairs = indices(&a.dims, &dims).into_iter().zip(indices(&b.dims, &dims));
    // In bounds: the indices are of the operands' shapes.
    let values = pairs.map(|(i, j)| function(left[i], right[j])).collect();
    Ok(step.floats(dims, values))
}

/// ONNX's rule.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at =
        |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).and_then(|i| dims.get(i).copied()).unwrap_or(1);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => bail!("shapes {a:?} and {b:?} do not broadcast"),
        })
        .collect()
}

/// For every element of `dims`, the index into an operand of shape `own`.
pub fn indices(own: &[usize], dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![0usize; dims.len()];
    let mut step = 1;
    let skipped = dims.len().saturating_sub(own.len());
    for (i, &size) in own.iter().enumerate().rev() {
        // In bounds: `dims` is at least as long as `own`.
        strides[skipped + i] = if size == 1 { 0 } else { step };
        step *= size;
    }
    let mut all = vec![0usize];
    for (&size, &stride) in dims.iter().zip(&strides) {
        all = all.iter().flat_map(|&base| (0..size).map(move |i| base + i * stride)).collect();
    }
    all
}

/// The innermost loop after ESP-DL has merged dimensions (`get_elemwise_operation_args`): elements of both operands and
/// of the result; and how many dimensions are left.
pub fn merged(a: &[usize], b: &[usize], dims: &[usize]) -> ([usize; 3], usize) {
    let rank = dims.len();
    let wide = |own: &[usize]| [vec![1; rank.saturating_sub(own.len())], own.to_vec()].concat();
    let (mut a, mut b, mut out) = (wide(a), wide(b), dims.to_vec());
    let mut left = rank;
    for i in 0..rank {
        let mut j = i + 1;
        while j < rank {
            // In bounds: all three have `rank` entries.
            if a[i] == b[i] && a[j] == b[j] {
                (a[i], b[i]) = (a[i] * a[j], b[i] * b[j]);
            } else if a[i] == 1 && a[j] == 1 {
                b[i] *= b[j];
            } else if b[i] == 1 && b[j] == 1 {
                a[i] *= a[j];
            } else {
                break;
            }
            out[i] *= out[j];
            (a[j], b[j], out[j]) = (1, 1, 1);
            j += 1;
        }
        if j == rank {
            left = i + 1;
            break;
        }
    }
    let inner = |list: &[usize]| left.checked_sub(1).and_then(|i| list.get(i).copied()).unwrap_or(1);
    ([inner(&a), inner(&b), inner(&out)], left)
}

fn binary_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let (a, b) = (step.input(0)?, step.input(1)?);
    let dims = broadcast(&a.dims, &b.dims)?;
    let ([inner_a, inner_b, inner], rank) = merged(&a.dims, &b.dims, &dims);
    if rank > 4 {
        bail!("shapes {:?} and {:?} need {rank} loops, the chip has 4", a.dims, b.dims);
    }
    let (left, right) = (a.whole::<T>()?, b.whole::<T>()?);
    let (at_left, at_right) = (indices(&a.dims, &dims), indices(&b.dims, &dims));
    // In bounds: the indices are of the operands' shapes.
    let pairs = at_left.iter().zip(&at_right).map(|(&i, &j)| (left[i].wide(), right[j].wide()));
    let (family, output) = (step.family(), step.exponent()?);
    let (ea, eb) = (a.exponent(), b.exponent());
    let values: Vec<T> = match step.node.op.as_str() {
        "Add" => pairs.map(|(x, y)| T::clamp_from(x + y)).collect(),
        "Sub" => pairs.map(|(x, y)| T::clamp_from(x - y)).collect(),
        "Mul" if family != Family::C && inner >= 128 / T::BITS as usize => {
            let distance = output - ea - eb;
            if distance < 0 {
                bail!("output exponent {output} is below {ea} plus {eb}, and the chip shifts right only");
            }
            pairs.map(|(x, y)| T::clamp_from(shift(x * y, distance, family))).collect()
        }
        "Mul" => {
            let factor = scale(ea) * scale(eb) * scale(-output);
            // A product of 16-bit integers has more bits than a float.
            pairs.map(|(x, y)| T::clamp_from(round((x * y) as f32 * factor, family))).collect()
        }
        "Div" => {
            let factor = scale(-output) * scale(ea) / scale(eb);
            // A table of the divisors says so.
            let nought = if T::BITS == 8 && left.len() == 1 && right.len() > 1 { i64::MIN } else { 0 };
            let quotient = |(x, y): (i64, i64)| match (x, y) {
                (0, 0) => nought,
                (0, _) => 0,
                (_, 0) => x.signum() * i64::from(i32::MAX),
                _ if inner_a != 1 && inner_b == 1 => round(x as f32 * (factor / y as f32), family),
                _ => round(x as f32 * factor / y as f32, family),
            };
            pairs.map(|pair| T::clamp_from(quotient(pair))).collect()
        }
        _ => return step.unsupported(),
    };
    step.whole(dims, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_merged_as_the_chip_does() {
        assert_eq!(merged(&[1, 8, 8, 16], &[1, 8, 8, 16], &[1, 8, 8, 16]), ([1024, 1024, 1024], 1));
        assert_eq!(merged(&[1, 8, 8, 16], &[1, 1, 1, 16], &[1, 8, 8, 16]), ([16, 16, 16], 2));
        assert_eq!(merged(&[1, 8, 8, 16], &[1], &[1, 8, 8, 16]), ([1024, 1, 1024], 1));
    }

    #[test]
    fn operands_are_repeated_along_axes_of_1() {
        assert_eq!(indices(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(indices(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
    }
}
