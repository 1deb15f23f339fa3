//! Elements of a value, and its facts before a model runs: type, shape, exponents, and the elements of a constant.
//!
//! Never: operators.

use std::sync::Arc;

use crate::espdl::{DataType, Tensor};
use crate::kernels::integer::Integer;
use crate::{Result, bail};

/// Facts of a value before a model runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub data_type: DataType,
    pub dims: Vec<usize>,
    /// Exponents: one, or one per channel of a weight.
    pub exponents: Vec<i32>,
    pub constant: Option<Arc<Data>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    Bool(Vec<u8>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
}

/// Maps [`Data`] without changing its type: `same!(data, values => expression of values)`.
macro_rules! same {
    ($data:expr, $values:ident => $made:expr) => {
        match $data {
            Data::Bool($values) => Data::Bool($made),
            Data::I8($values) => Data::I8($made),
            Data::I16($values) => Data::I16($made),
            Data::I32($values) => Data::I32($made),
            Data::I64($values) => Data::I64($made),
            Data::F32($values) => Data::F32($made),
        }
    };
}

pub(super) use same;

/// Integers that are stored as quantized values.
pub trait QuantizedInteger: Integer {
    const TYPE: DataType;
    fn of(data: &Data) -> Option<&[Self]>;
    fn data(values: Vec<Self>) -> Data;
}

macro_rules! whole {
    ($type:ident, $variant:ident, $name:ident) => {
        impl QuantizedInteger for $type {
            const TYPE: DataType = DataType::$name;
            fn of(data: &Data) -> Option<&[Self]> {
                match data {
                    Data::$variant(values) => Some(values),
                    _ => None,
                }
            }
            fn data(values: Vec<Self>) -> Data {
                Data::$variant(values)
            }
        }
    };
}

whole!(i8, I8, Int8);
whole!(i16, I16, Int16);

impl Data {
    pub fn data_type(&self) -> DataType {
        match self {
            Data::Bool(_) => DataType::Bool,
            Data::I8(_) => DataType::Int8,
            Data::I16(_) => DataType::Int16,
            Data::I32(_) => DataType::Int32,
            Data::I64(_) => DataType::Int64,
            Data::F32(_) => DataType::Float,
        }
    }

    /// Returns 8- or 16-bit integers.
    pub fn quantized<T: QuantizedInteger>(&self) -> Result<&[T]> {
        match T::of(self) {
            Some(values) => Ok(values),
            None => bail!("it reads {}, but the value is {}", T::TYPE.name(), self.data_type().name()),
        }
    }

    pub fn floats(&self) -> Result<&[f32]> {
        match self {
            Data::F32(values) => Ok(values),
            other => bail!("it reads float32, but the value is {}", other.data_type().name()),
        }
    }

    /// Returns integers of shapes, axes and similar values.
    pub fn integers(&self) -> Result<Vec<i64>> {
        match self {
            Data::I64(v) => Ok(v.clone()),
            Data::I32(v) => Ok(v.iter().map(|&x| x.into()).collect()),
            Data::I16(v) => Ok(v.iter().map(|&x| x.into()).collect()),
            Data::I8(v) => Ok(v.iter().map(|&x| x.into()).collect()),
            other => bail!("it reads integers, but the value is {}", other.data_type().name()),
        }
    }

    fn from_bytes(data_type: DataType, bytes: &[u8]) -> Option<Data> {
        fn each<const N: usize, T>(bytes: &[u8], make: fn([u8; N]) -> T) -> Vec<T> {
            bytes.as_chunks::<N>().0.iter().map(|b| make(*b)).collect()
        }
        Some(match data_type {
            DataType::Bool => Data::Bool(bytes.to_vec()),
            DataType::Int8 => Data::I8(each(bytes, i8::from_le_bytes)),
            DataType::Int16 => Data::I16(each(bytes, i16::from_le_bytes)),
            DataType::Int32 => Data::I32(each(bytes, i32::from_le_bytes)),
            DataType::Int64 => Data::I64(each(bytes, i64::from_le_bytes)),
            DataType::Float => Data::F32(each(bytes, f32::from_le_bytes)),
            _ => return None,
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Data::Bool(v) => v.clone(),
            Data::I8(v) => v.iter().map(|&x| x as u8).collect(),
            Data::I16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
}

impl Fact {
    /// Makes the fact of a computed value with one exponent.
    pub fn made(data_type: DataType, dims: Vec<usize>, exponent: i32) -> Fact {
        Fact { data_type, dims, exponents: vec![exponent], constant: None }
    }

    /// Reads a tensor's fact, including its elements.
    pub fn read(tensor: &Tensor) -> Result<Fact> {
        let wanted = tensor.byte_count()?;
        if wanted != tensor.bytes.len() {
            bail!("tensor {}: {:?} needs {wanted} bytes, but it has {}", tensor.name, tensor.dims, tensor.bytes.len());
        }
        let Some(data) = Data::from_bytes(tensor.data_type, &tensor.bytes) else {
            bail!("tensor {}: the interpreter does not support {} values", tensor.name, tensor.data_type.name());
        };
        let exponents = tensor.exponents.iter().map(|&e| exponent(e)).collect::<Result<Vec<i32>>>()?;
        let (data_type, dims) = (tensor.data_type, tensor.dims.clone());
        Ok(Fact { data_type, dims, exponents, constant: Some(Arc::new(data)) })
    }

    pub fn tensor(&self, name: &str, data: &Data) -> Tensor {
        Tensor {
            name: name.to_string(),
            doc: String::new(),
            data_type: data.data_type(),
            dims: self.dims.clone(),
            exponents: self.exponents.iter().map(|&e| e.into()).collect(),
            bytes: data.to_bytes(),
        }
    }

    /// Returns the number of elements of the shape, whose product is known to fit.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Returns the first exponent, which is the only one except for weights.
    pub fn exponent(&self) -> i32 {
        self.exponents.first().copied().unwrap_or(0)
    }

    /// Returns `true` if its elements are integers with a scale.
    pub fn is_quantized(&self) -> bool {
        matches!(self.data_type, DataType::Int8 | DataType::Int16)
    }

    /// Returns the elements of a value that the chip reads when it loads the model.
    pub fn constant(&self) -> Result<&Arc<Data>> {
        match &self.constant {
            Some(data) => Ok(data),
            None => bail!("it reads a computed value, but the chip reads a constant"),
        }
    }
}

/// Converts an exponent from the format's 64 bits; scales beyond 2^±100 are refused.
pub fn exponent(exponent: i64) -> Result<i32> {
    match i32::try_from(exponent).ok().filter(|e| e.abs() <= 100) {
        Some(exponent) => Ok(exponent),
        None => bail!("exponent {exponent} is out of range"),
    }
}
