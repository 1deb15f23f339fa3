//! An ESP-DL model in memory: what the chip's loader reads, as plain data.
//!
//! Never: offsets and bytes of the file, nor how the figures were found.

use crate::Result;
use crate::bail;

/// Absent and empty strings are the same; so are absent and empty lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub ir_version: i32,
    pub opsets: Vec<Opset>,
    pub producer: String,
    pub producer_version: String,
    pub domain: String,
    pub version: i64,
    pub doc: String,
    /// Pairs in the file's order.
    pub metadata: Vec<(String, String)>,
    pub graph: Graph,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opset {
    pub domain: String,
    pub version: i64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    pub name: String,
    pub doc: String,
    /// In the order in which the chip runs them.
    pub nodes: Vec<Node>,
    pub initializers: Vec<Tensor>,
    pub inputs: Vec<ValueInfo>,
    pub outputs: Vec<ValueInfo>,
    /// Every value, inputs and outputs too: the loader looks shapes and types up only here.
    pub values: Vec<ValueInfo>,
    pub test_inputs: Vec<Tensor>,
    pub test_outputs: Vec<Tensor>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    pub name: String,
    pub op: String,
    pub domain: String,
    pub doc: String,
    /// An optional input that is not used is an empty string.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub attributes: Vec<(String, Attribute)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    Int(i64),
    Float(f32),
    /// UTF-8 by custom, bytes by the schema.
    Text(Vec<u8>),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Texts(Vec<String>),
    Tensor(Box<Tensor>),
}

/// Integers `q` that stand for `q * 2^exponent`, one exponent in all or one a channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensor {
    pub name: String,
    pub doc: String,
    pub data_type: DataType,
    pub dims: Vec<usize>,
    pub exponents: Vec<i64>,
    /// Little-endian elements in the file's order, which for filters is not that of `dims`;
    /// without the padding to 16.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueInfo {
    pub name: String,
    pub doc: String,
    pub data_type: DataType,
    /// `None`: the shape is not known.
    pub dims: Option<Vec<Dim>>,
    /// The chip reads the first only.
    pub exponents: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    Unknown,
    Size(i64),
    Named(String),
}

/// `TensorDataType` of the schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DataType {
    #[default]
    Undefined = 0,
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Uint16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    Uint32 = 12,
    Uint64 = 13,
}

impl DataType {
    pub const ALL: [DataType; 14] = [
        DataType::Undefined,
        DataType::Float,
        DataType::Uint8,
        DataType::Int8,
        DataType::Uint16,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::String,
        DataType::Bool,
        DataType::Float16,
        DataType::Double,
        DataType::Uint32,
        DataType::Uint64,
    ];

    /// The schema's number.
    pub fn code(self) -> i32 {
        self as i32
    }

    pub fn from_code(code: i32) -> Result<DataType> {
        match DataType::ALL.iter().find(|t| t.code() == code) {
            Some(&found) => Ok(found),
            None => bail!("data type {code} is not one of ESP-DL's, which end at {}", DataType::Uint64.code()),
        }
    }

    /// Bytes an element; `None` for types without a fixed width.
    pub fn width(self) -> Option<usize> {
        match self {
            DataType::Undefined | DataType::String => None,
            DataType::Uint8 | DataType::Int8 | DataType::Bool => Some(1),
            DataType::Uint16 | DataType::Int16 | DataType::Float16 => Some(2),
            DataType::Float | DataType::Int32 | DataType::Uint32 => Some(4),
            DataType::Int64 | DataType::Double | DataType::Uint64 => Some(8),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            DataType::Undefined => "undefined",
            DataType::Float => "float32",
            DataType::Uint8 => "uint8",
            DataType::Int8 => "int8",
            DataType::Uint16 => "uint16",
            DataType::Int16 => "int16",
            DataType::Int32 => "int32",
            DataType::Int64 => "int64",
            DataType::String => "string",
            DataType::Bool => "bool",
            DataType::Float16 => "float16",
            DataType::Double => "float64",
            DataType::Uint32 => "uint32",
            DataType::Uint64 => "uint64",
        }
    }

    /// Smallest and largest integer, for the types that carry exponents.
    pub fn limits(self) -> Option<(f64, f64)> {
        match self {
            DataType::Int8 => Some((i8::MIN.into(), i8::MAX.into())),
            DataType::Int16 => Some((i16::MIN.into(), i16::MAX.into())),
            _ => None,
        }
    }
}

impl Tensor {
    /// Elements by `dims`; an empty list of dims is one element.
    pub fn count(&self) -> Result<usize> {
        match self.dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) {
            Some(count) => Ok(count),
            None => bail!("tensor {}: {:?} has more elements than memory has bytes", self.name, self.dims),
        }
    }

    /// The length that `bytes` has to have.
    pub fn byte_count(&self) -> Result<usize> {
        let Some(width) = self.data_type.width() else {
            bail!("tensor {}: elements of type {} have no bytes", self.name, self.data_type.name());
        };
        match self.count()?.checked_mul(width) {
            Some(count) => Ok(count),
            None => bail!("tensor {}: {:?} needs more bytes than memory has", self.name, self.dims),
        }
    }
}

impl ValueInfo {
    /// All sizes, if all are known and none is negative.
    pub fn sizes(&self) -> Option<Vec<usize>> {
        let size = |dim: &Dim| match dim {
            Dim::Size(n) => usize::try_from(*n).ok(),
            _ => None,
        };
        self.dims.as_ref()?.iter().map(size).collect()
    }
}

impl Node {
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            Attribute::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attribute(name)? {
            Attribute::Int(value) => Some(*value),
            _ => None,
        }
    }
}

impl Tensor {
    /// The elements as numbers; `None` for types that a double cannot hold or that are no numbers.
    pub fn values(&self) -> Option<Vec<f64>> {
        let bytes = self.bytes.as_slice();
        Some(match self.data_type {
            DataType::Int8 => bytes.iter().map(|&b| (b as i8).into()).collect(),
            DataType::Uint8 | DataType::Bool => bytes.iter().map(|&b| b.into()).collect(),
            DataType::Int16 => bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
            DataType::Uint16 => bytes.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b).into()).collect(),
            DataType::Int32 => bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect(),
            DataType::Uint32 => bytes.as_chunks().0.iter().map(|&b| u32::from_le_bytes(b).into()).collect(),
            // Beyond 2^53 rounded, which a range can bear.
            DataType::Int64 => bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f64).collect(),
            DataType::Uint64 => bytes.as_chunks().0.iter().map(|&b| u64::from_le_bytes(b) as f64).collect(),
            DataType::Float => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect(),
            DataType::Double => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            DataType::Float16 | DataType::String | DataType::Undefined => return None,
        })
    }
}
