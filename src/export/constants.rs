//! Constants in the form of the file: integers of their port, or unchanged.

use crate::bail;
use crate::chip::Rounding;
use crate::espdl::{DataType, Tensor};
use crate::graph;
use crate::kernels::{rounding::StoredInteger, rounding::quantize};
use crate::quant::Port;
use crate::{Error, Result};

impl DataType {
    /// Returns ESP-DL's type for an element type of the graph.
    pub fn of(data_type: graph::DataType) -> DataType {
        match data_type {
            graph::DataType::F32 => DataType::Float,
            graph::DataType::F64 => DataType::Double,
            graph::DataType::I8 => DataType::Int8,
            graph::DataType::I16 => DataType::Int16,
            graph::DataType::I32 => DataType::Int32,
            graph::DataType::I64 => DataType::Int64,
            graph::DataType::U8 => DataType::Uint8,
            graph::DataType::U16 => DataType::Uint16,
            graph::DataType::U32 => DataType::Uint32,
            graph::DataType::U64 => DataType::Uint64,
            graph::DataType::Bool => DataType::Bool,
        }
    }

    /// Returns the integer type of this width.
    pub fn of_bits(bits: u32) -> DataType {
        match bits {
            0..=8 => DataType::Int8,
            9..=16 => DataType::Int16,
            17..=32 => DataType::Int32,
            _ => DataType::Int64,
        }
    }
}

/// Copies elements unchanged; a tensor that is not quantized has the exponent 0.
pub fn plain(name: &str, tensor: &graph::Tensor) -> Tensor {
    macro_rules! bytes {
        ($array:expr) => {
            $array.iter().flat_map(|v| v.to_le_bytes()).collect()
        };
    }
    let bytes = match tensor {
        graph::Tensor::F32(a) => bytes!(a),
        graph::Tensor::F64(a) => bytes!(a),
        graph::Tensor::I8(a) => bytes!(a),
        graph::Tensor::I16(a) => bytes!(a),
        graph::Tensor::I32(a) => bytes!(a),
        graph::Tensor::I64(a) => bytes!(a),
        graph::Tensor::U8(a) => bytes!(a),
        graph::Tensor::U16(a) => bytes!(a),
        graph::Tensor::U32(a) => bytes!(a),
        graph::Tensor::U64(a) => bytes!(a),
        graph::Tensor::Bool(a) => a.iter().map(|&v| u8::from(v)).collect(),
    };
    let dims = tensor.shape().to_vec();
    Tensor {
        name: name.to_string(),
        data_type: DataType::of(tensor.data_type()),
        dims,
        exponents: vec![0],
        bytes,
        ..Tensor::default()
    }
}

/// Quantizes a constant. `wide` rounds in float64, for layers whose sums need it.
///
/// Integers (shapes, indices) are unchanged.
pub fn integers(
    name: &str,
    tensor: &graph::Tensor,
    port: &Port,
    axis: Option<usize>,
    rounding: Rounding,
    wide: bool,
) -> Result<Tensor> {
    let values: Vec<f32> = match tensor {
        graph::Tensor::F32(a) => a.iter().copied().collect(),
        graph::Tensor::F64(a) => a.iter().map(|&v| v as f32).collect(),
        _ => return Ok(plain(name, tensor)),
    };
    let inner = inner(tensor.shape(), port, axis)?;
    let data_type = DataType::of_bits(port.bits);
    let bytes = match data_type {
        DataType::Int8 => bytes(&quantized::<i8>(&values, port, inner, rounding, wide), i8::to_le_bytes),
        DataType::Int16 => bytes(&quantized::<i16>(&values, port, inner, rounding, wide), i16::to_le_bytes),
        DataType::Int32 => bytes(&quantized::<i32>(&values, port, inner, rounding, wide), i32::to_le_bytes),
        _ => bytes(&quantized::<i64>(&values, port, inner, rounding, wide), i64::to_le_bytes),
    };
    let (name, dims, exponents) = (name.to_string(), tensor.shape().to_vec(), port.exponents.clone());
    Ok(Tensor { name, data_type, dims, exponents, bytes, ..Tensor::default() })
}

/// Returns the number of consecutive elements that share one exponent.
fn inner(shape: &[usize], port: &Port, axis: Option<usize>) -> Result<usize> {
    match (port.exponents.len(), axis) {
        (0, _) => bail!("a quantized constant of shape {shape:?} has no exponent"),
        (1, _) => Ok(usize::MAX),
        (n, Some(axis)) if shape.get(axis) == Some(&n) => Ok(shape[axis + 1..].iter().product::<usize>().max(1)),
        (n, axis) => Err(Error::new(format!("{n} exponents along axis {axis:?} do not fit shape {shape:?}"))),
    }
}

fn quantized<I: StoredInteger>(values: &[f32], port: &Port, inner: usize, rounding: Rounding, wide: bool) -> Vec<I> {
    let exponents = port.exponents.iter().map(|&e| e.clamp(-1000, 1000) as i32);
    let mut integers = Vec::with_capacity(values.len());
    for (values, exponent) in values.chunks(inner).zip(exponents.cycle()) {
        integers.extend(match wide {
            true => {
                let values: Vec<f64> = values.iter().map(|&v| v.into()).collect();
                quantize::<f64, I>(&values, exponent, port.bits, rounding)
            }
            false => quantize::<f32, I>(values, exponent, port.bits, rounding),
        });
    }
    integers
}

fn bytes<I: Copy, const N: usize>(integers: &[I], bytes: fn(I) -> [u8; N]) -> Vec<u8> {
    integers.iter().flat_map(|&v| bytes(v)).collect()
}
