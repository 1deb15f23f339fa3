//! Conversion to another type and exponent: `TensorBase::assign`, which implements Quantize, Dequantize, Requantize and
//! Identity on the chip. Scale inputs are ignored.
//!
//! Never: operators that compute.

use crate::chip::Family;
use crate::espdl::DataType;
use crate::kernels::integer::elementwise::Shift;
use crate::{Result, bail};

use super::kernel::Kernel;
use super::node_context::Step;
use super::round::{round, rounding, scale, shift};
use super::value::{Data, Fact, QuantizedInteger};

pub fn assign(step: &Step) -> Result<Kernel> {
    let (input, declared) = (step.input(0)?, step.output()?);
    let fact = Fact::made(declared.data_type, input.dims.clone(), declared.exponent);
    let (from, to, exponent, family) = (input.exponent(), declared.data_type, declared.exponent, step.family());
    if is_kept(input.data_type, from, to, exponent) {
        return Ok(Kernel::shared(fact, |inputs| inputs.get(0).cloned()));
    }
    let is_number = |data_type| matches!(data_type, DataType::Int8 | DataType::Int16 | DataType::Float);
    if !is_number(input.data_type) || !is_number(to) {
        bail!("the chip cannot convert to {} from {}", to.name(), input.data_type.name());
    }
    Ok(Kernel::new(fact, move |inputs| convert(inputs.get(0)?, from, to, exponent, family)))
}

fn is_kept(from_type: DataType, from: i32, to_type: DataType, to: i32) -> bool {
    from_type == to_type && (from == to || to_type == DataType::Float)
}

/// Converts numbers of exponent `from` to another type and exponent.
pub fn convert(data: &Data, from: i32, to: DataType, exponent: i32, family: Family) -> Result<Data> {
    if is_kept(data.data_type(), from, to, exponent) {
        return Ok(data.clone());
    }
    // Small tensors are converted in float, also from integers to integers (`TensorBase::assign`).
    scale(from)?;
    scale(exponent)?;
    match (data, to) {
        (Data::F32(v), DataType::Int8) => Ok(quantized::<i8>(v, scale(-exponent)?, family)),
        (Data::F32(v), DataType::Int16) => Ok(quantized::<i16>(v, scale(-exponent)?, family)),
        (Data::I8(v), DataType::Float) => Ok(floats(v, scale(from)?)),
        (Data::I16(v), DataType::Float) => Ok(floats(v, scale(from)?)),
        (Data::I8(v), DataType::Int8) => Ok(requantized::<i8, i8>(v, from, exponent, family)),
        (Data::I8(v), DataType::Int16) => Ok(requantized::<i8, i16>(v, from, exponent, family)),
        (Data::I16(v), DataType::Int8) => Ok(requantized::<i16, i8>(v, from, exponent, family)),
        (Data::I16(v), DataType::Int16) => Ok(requantized::<i16, i16>(v, from, exponent, family)),
        (data, _) => bail!("the chip cannot convert to {} from {}", to.name(), data.data_type().name()),
    }
}

fn floats<T: QuantizedInteger>(values: &[T], scale: f32) -> Data {
    Data::F32(values.iter().map(|x| f32::from(x.short()) * scale).collect())
}

fn quantized<T: QuantizedInteger>(values: &[f32], factor: f32, family: Family) -> Data {
    T::data(values.iter().map(|&x| T::clamp_from(round(x * factor, family))).collect())
}

/// Converts quantized values. The conversion in float is exact: a power of two times 16 bits fits a float, so it equals
/// a shift. More than 50 elements use vector code on P4 and S3, where a left shift is a product with a factor of 16
/// bits, or of 8 bits on the S3 from int8 to int8 (`dl_base_requantize_linear.cpp`,
/// `dl_tie728_s8_requantize_linear.S`).
fn requantized<A: QuantizedInteger, B: QuantizedInteger>(values: &[A], from: i32, to: i32, family: Family) -> Data {
    let distance = to - from;
    let left = distance.unsigned_abs().min(40);
    let narrow = family == Family::S3 && A::BITS == 8 && B::BITS == 8;
    let bits = if narrow { 8 } else { 16 };
    // Larger factors from int16 to int16 are converted in float.
    let vector = family != Family::C && values.len() > 50 && distance < 0 && (left < 15 || A::BITS + B::BITS < 32);
    let factor = match left {
        _ if left >= bits => 0,
        _ if left == bits - 1 => -(1i64 << left),
        _ => 1i64 << left,
    };
    if let (false, Some(by)) = (vector, Shift::new(distance, rounding(family))) {
        return B::data(values.iter().map(|x| B::clamp_from_32(by.of(x.short().into()))).collect());
    }
    let one = |x: &A| match vector {
        // The S3 reads products of int16 as lanes of 20 bits when converting to int8.
        true if family == Family::S3 && A::BITS > B::BITS => B::clamp_from((x.wide() * factor) << 44 >> 44),
        true => B::clamp_from(x.wide() * factor),
        false => B::clamp_from(shift(x.wide(), distance, family)),
    };
    B::data(values.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_by_the_chip() {
        let made = |family| convert(&Data::I16(vec![1, 3, -1, -3, 300]), -1, DataType::Int8, 0, family).unwrap();
        assert_eq!(made(Family::S3), Data::I8(vec![1, 2, 0, -1, 127]));
        assert_eq!(made(Family::P4), Data::I8(vec![0, 2, 0, -2, 127]));
    }
}
