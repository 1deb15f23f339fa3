//! What a node reads and writes: integers or floats, their shape and exponents.
//!
//! Never: operators.

use crate::espdl::{DataType, Tensor};
use crate::{Result, bail};

#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub dims: Vec<usize>,
    /// One, or one a channel of a weight.
    pub exponents: Vec<i32>,
    pub data: Data,
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

/// 8- and 16-bit integers, over which kernels are generic.
pub trait Whole: Copy + Ord + Default {
    const BITS: u32;
    const TYPE: DataType;
    fn wide(self) -> i64;
    fn short(self) -> i16;
    /// The nearest that the type holds.
    fn clamp_from(value: i64) -> Self;
    fn of(data: &Data) -> Option<&[Self]>;
    fn data(values: Vec<Self>) -> Data;
}

macro_rules! whole {
    ($type:ident, $variant:ident, $name:ident) => {
        impl Whole for $type {
            const BITS: u32 = $type::BITS;
            const TYPE: DataType = DataType::$name;
            fn wide(self) -> i64 {
                self.into()
            }
            fn short(self) -> i16 {
                self.into()
            }
            fn clamp_from(value: i64) -> Self {
                // Lossless: clamped to the type's range.
                value.clamp($type::MIN.into(), $type::MAX.into()) as $type
            }
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
    pub fn len(&self) -> usize {
        match self {
            Data::Bool(v) => v.len(),
            Data::I8(v) => v.len(),
            Data::I16(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::I64(v) => v.len(),
            Data::F32(v) => v.len(),
        }
    }

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

    /// The elements at `indices`, which must be in bounds.
    pub fn gather(&self, indices: impl Iterator<Item = usize>) -> Data {
        // In bounds by the callers, who made the indices from dims that hold these elements.
        match self {
            Data::Bool(v) => Data::Bool(indices.map(|i| v[i]).collect()),
            Data::I8(v) => Data::I8(indices.map(|i| v[i]).collect()),
            Data::I16(v) => Data::I16(indices.map(|i| v[i]).collect()),
            Data::I32(v) => Data::I32(indices.map(|i| v[i]).collect()),
            Data::I64(v) => Data::I64(indices.map(|i| v[i]).collect()),
            Data::F32(v) => Data::F32(indices.map(|i| v[i]).collect()),
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
            Data::I8(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
}

impl Value {
    pub fn read(tensor: &Tensor) -> Result<Value> {
        let wanted = tensor.byte_count()?;
        if wanted != tensor.bytes.len() {
            bail!("tensor {}: {:?} needs {wanted} bytes, it has {}", tensor.name, tensor.dims, tensor.bytes.len());
        }
        let Some(data) = Data::from_bytes(tensor.data_type, &tensor.bytes) else {
            bail!("tensor {}: the interpreter knows no {} values", tensor.name, tensor.data_type.name());
        };
        let exponents = tensor.exponents.iter().map(|&e| exponent(e)).collect::<Result<Vec<i32>>>()?;
        Ok(Value { dims: tensor.dims.clone(), exponents, data })
    }

    pub fn tensor(&self, name: &str) -> Tensor {
        Tensor {
            name: name.to_string(),
            doc: String::new(),
            data_type: self.data.data_type(),
            dims: self.dims.clone(),
            exponents: self.exponents.iter().map(|&e| e.into()).collect(),
            bytes: self.data.to_bytes(),
        }
    }

    /// The first, which is the only one of what is not a weight.
    pub fn exponent(&self) -> i32 {
        self.exponents.first().copied().unwrap_or(0)
    }

    pub fn whole<T: Whole>(&self) -> Result<&[T]> {
        match T::of(&self.data) {
            Some(values) => Ok(values),
            None => bail!("it reads {}, the value is {}", T::TYPE.name(), self.data.data_type().name()),
        }
    }

    pub fn floats(&self) -> Result<&[f32]> {
        match &self.data {
            Data::F32(values) => Ok(values),
            other => bail!("it reads float32, the value is {}", other.data_type().name()),
        }
    }

    /// Of shapes, axes and the like.
    pub fn integers(&self) -> Result<Vec<i64>> {
        match &self.data {
            Data::I64(v) => Ok(v.clone()),
            Data::I32(v) => Ok(v.iter().map(|&x| x.into()).collect()),
            Data::I16(v) => Ok(v.iter().map(|&x| x.into()).collect()),
            Data::I8(v) => Ok(v.iter().map(|&x| x.into()).collect()),
            other => bail!("it reads integers, the value is {}", other.data_type().name()),
        }
    }
}

/// Exponents of the format are 64-bit; a scale of 2^±100 is no scale.
pub fn exponent(exponent: i64) -> Result<i32> {
    match i32::try_from(exponent).ok().filter(|e| e.abs() <= 100) {
        Some(exponent) => Ok(exponent),
        None => bail!("exponent {exponent} is none that a value has"),
    }
}
