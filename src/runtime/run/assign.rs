//! From one type and exponent to another: `TensorBase::assign`, which is what Quantize, Dequantize, Requantize and
//! Identity are on the chip. Scale inputs are ignored.
//!
//! Never: operators that compute.

use crate::chip::Family;
use crate::espdl::DataType;
use crate::{Result, bail};

use super::round::{round, scale, shift};
use super::step::Step;
use super::value::{Data, Value, Whole};

pub fn assign(step: &Step) -> Result<Vec<Value>> {
    let (input, declared) = (step.input(0)?, step.output()?);
    let data = convert(input, declared.data_type, declared.exponent, step.family())?;
    Ok(vec![Value { dims: input.dims.clone(), exponents: vec![declared.exponent], data }])
}

pub fn convert(input: &Value, to: DataType, exponent: i32, family: Family) -> Result<Data> {
    let from = input.exponent();
    if input.data.data_type() == to && (from == exponent || to == DataType::Float) {
        return Ok(input.data.clone());
    }
    match (&input.data, to) {
        (Data::F32(v), DataType::Int8) => Ok(quantized::<i8>(v, scale(-exponent), family)),
        (Data::F32(v), DataType::Int16) => Ok(quantized::<i16>(v, scale(-exponent), family)),
        (Data::I8(v), DataType::Float) => Ok(Data::F32(v.iter().map(|&x| f32::from(x) * scale(from)).collect())),
        (Data::I16(v), DataType::Float) => Ok(Data::F32(v.iter().map(|&x| f32::from(x) * scale(from)).collect())),
        (Data::I8(v), DataType::Int8) => Ok(requantized::<i8, i8>(v, from, exponent, family)),
        (Data::I8(v), DataType::Int16) => Ok(requantized::<i8, i16>(v, from, exponent, family)),
        (Data::I16(v), DataType::Int8) => Ok(requantized::<i16, i8>(v, from, exponent, family)),
        (Data::I16(v), DataType::Int16) => Ok(requantized::<i16, i16>(v, from, exponent, family)),
        (data, _) => bail!("the chip makes no {} of {}", to.name(), data.data_type().name()),
    }
}

fn quantized<T: Whole>(values: &[f32], factor: f32, family: Family) -> Data {
    T::data(values.iter().map(|&x| T::clamp_from(round(x * factor, family))).collect())
}

/// The float road is exact: a power of two times 16 bits fits a float, so it is a shift. More than 50 elements go
/// through vector code on P4 and S3, where a shift to the left is a product with a factor of 16 bits, on the S3 from int8
/// to int8 of 8 bits (`dl_base_requantize_linear.cpp`, `dl_tie728_s8_requantize_linear.S`).
fn requantized<A: Whole, B: Whole>(values: &[A], from: i32, to: i32, family: Family) -> Data {
    let distance = to - from;
    let left = distance.unsigned_abs().min(40);
    let narrow = family == Family::S3 && A::BITS == 8 && B::BITS == 8;
    let bits = if narrow { 8 } else { 16 };
    // From int16 to int16 larger factors take the float road.
    let vector = family != Family::C && values.len() > 50 && distance < 0 && (left < 15 || A::BITS + B::BITS < 32);
    let factor = match left {
        _ if left >= bits => 0,
        _ if left == bits - 1 => -(1i64 << left),
        _ => 1i64 << left,
    };
    let one = |x: &A| match vector {
        // The S3 reads the products of int16 as lanes of 20 bits when it makes int8 of them.
        true if family == Family::S3 && A::BITS > B::BITS => B::clamp_from((x.wide() * factor) << 44 >> 44),
        true => B::clamp_from(x.wide() * factor),
        false => B::clamp_from(shift(x.wide(), distance, family)),
    };
    B::data(values.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(values: &[i16], exponent: i32) -> Value {
        Value { dims: vec![values.len()], exponents: vec![exponent], data: Data::I16(values.to_vec()) }
    }

    #[test]
    fn halves_are_rounded_by_the_chip() {
        let input = value(&[1, 3, -1, -3, 300], -1);
        assert_eq!(convert(&input, DataType::Int8, 0, Family::S3).unwrap(), Data::I8(vec![1, 2, 0, -1, 127]));
        assert_eq!(convert(&input, DataType::Int8, 0, Family::P4).unwrap(), Data::I8(vec![0, 2, 0, -2, 127]));
    }
}
