//! Constants in the form of the file: integers of their port, or unchanged.

use crate::bail;
use crate::chip::Rounding;
use crate::espdl::{DataType, Tensor};
use crate::graph::{self, Element};
use crate::kernels::{rounding::StoredInteger, rounding::quantize};
use crate::quant::Port;
use crate::{Error, Result};

/// Returns ESP-DL's type for an element type of the graph.
pub fn type_of(data_type: graph::DataType) -> DataType {
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

/// Copies elements unchanged; a tensor that is not quantized has the exponent 0.
pub fn plain(name: &str, tensor: &graph::Tensor) -> Tensor {
    let bytes = match tensor.data_type() {
        graph::DataType::F32 => bytes(tensor, f32::to_le_bytes),
        graph::DataType::F64 => bytes(tensor, f64::to_le_bytes),
        graph::DataType::I8 => bytes(tensor, i8::to_le_bytes),
        graph::DataType::I16 => bytes(tensor, i16::to_le_bytes),
        graph::DataType::I32 => bytes(tensor, i32::to_le_bytes),
        graph::DataType::I64 => bytes(tensor, i64::to_le_bytes),
        graph::DataType::U8 => bytes(tensor, u8::to_le_bytes),
        graph::DataType::U16 => bytes(tensor, u16::to_le_bytes),
        graph::DataType::U32 => bytes(tensor, u32::to_le_bytes),
        graph::DataType::U64 => bytes(tensor, u64::to_le_bytes),
        graph::DataType::Bool => bytes(tensor, |v: bool| [u8::from(v)]),
    };
    let dims = tensor.shape().to_vec();
    Tensor {
        name: name.to_string(),
        data_type: type_of(tensor.data_type()),
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
    let narrow: Vec<f32>;
    let values = match (tensor.slice::<f32>(), tensor.slice::<f64>()) {
        (Some(values), _) => values,
        (None, Some(values)) => {
            narrow = values.iter().map(|&v| v as f32).collect();
            &narrow
        }
        (None, None) => return Ok(plain(name, tensor)),
    };
    let inner = inner(tensor.shape(), port, axis)?;
    let data_type = DataType::of_bits(port.bits);
    let bytes = match data_type {
        DataType::Int8 => stored(&quantized::<i8>(values, port, inner, rounding, wide), i8::to_le_bytes),
        DataType::Int16 => stored(&quantized::<i16>(values, port, inner, rounding, wide), i16::to_le_bytes),
        DataType::Int32 => stored(&quantized::<i32>(values, port, inner, rounding, wide), i32::to_le_bytes),
        _ => stored(&quantized::<i64>(values, port, inner, rounding, wide), i64::to_le_bytes),
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

/// Returns the bytes of a tensor of type `T`.
fn bytes<T: Element, const N: usize>(tensor: &graph::Tensor, bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    stored(tensor.slice::<T>().unwrap_or_default(), bytes)
}

fn stored<T: Copy, const N: usize>(elements: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut stored = vec![0; N * elements.len()];
    stored.as_chunks_mut().0.iter_mut().zip(elements).for_each(|(place, &element)| *place = bytes(element));
    stored
}
