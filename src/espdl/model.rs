//! An ESP-DL model in memory: the data that the chip's loader reads.
//!
//! Never: offsets and bytes of the file, the choice of exponents.

use crate::Result;
use crate::bail;

/// Model of a file. Absent and empty strings are equal, and so are absent and empty lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// Version of the schema, as ONNX counts it.
    pub ir_version: i32,
    /// Operator sets that the model was written with.
    pub opsets: Vec<Opset>,
    /// Program that wrote the file.
    pub producer: String,
    /// Version of that program.
    pub producer_version: String,
    /// Namespace of the model, often empty.
    pub domain: String,
    /// Version of the model, as its author counts.
    pub version: i64,
    /// Comment.
    pub doc: String,
    /// Key-value pairs in the file's order.
    pub metadata: Vec<(String, String)>,
    /// Layers and weights.
    pub graph: Graph,
}

/// Version of a set of operators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opset {
    /// Empty for ONNX's own operators.
    pub domain: String,
    /// Version that ONNX gives the set.
    pub version: i64,
}

/// Layers, weights, and the values between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// Name of the graph.
    pub name: String,
    /// Comment.
    pub doc: String,
    /// Nodes in the order in which the chip runs them.
    pub nodes: Vec<Node>,
    /// Weights, biases and other constants.
    pub initializers: Vec<Tensor>,
    /// Inputs of the model, in order.
    pub inputs: Vec<ValueInfo>,
    /// Outputs of the model, in order.
    pub outputs: Vec<ValueInfo>,
    /// Information about every value, including inputs and outputs: the loader looks up shapes and types only here.
    pub values: Vec<ValueInfo>,
    /// A sample for `Model::test()`, quantized; empty without test values.
    pub test_inputs: Vec<Tensor>,
    /// Outputs that `Model::test()` expects for that sample.
    pub test_outputs: Vec<Tensor>,
}

/// One layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// Name of the layer.
    pub name: String,
    /// Operator type, by which the loader selects its module.
    pub op: String,
    /// Empty for ONNX's own operators.
    pub domain: String,
    /// Comment.
    pub doc: String,
    /// Names of values; an optional input that is not used is an empty string.
    pub inputs: Vec<String>,
    /// Names of the values that it makes.
    pub outputs: Vec<String>,
    /// Names and values in the file's order.
    pub attributes: Vec<(String, Attribute)>,
}

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// One integer.
    Int(i64),
    /// One number.
    Float(f32),
    /// Text: UTF-8 by convention, bytes by the schema.
    Text(Vec<u8>),
    /// List of integers.
    Ints(Vec<i64>),
    /// List of numbers.
    Floats(Vec<f32>),
    /// List of strings.
    Texts(Vec<String>),
    /// Tensor, such as the table of a lookup.
    Tensor(Box<Tensor>),
}

/// Integers `q` that represent `q * 2^exponent`, with one exponent, or one per channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensor {
    /// Name of the value.
    pub name: String,
    /// Comment.
    pub doc: String,
    /// Type of the elements.
    pub data_type: DataType,
    /// Lengths of the axes, in ONNX's order for filters.
    pub dims: Vec<usize>,
    /// One for the tensor, one per channel, or none if the elements are not quantized.
    pub exponents: Vec<i64>,
    /// Little-endian elements in the file's order, which for filters is not that of `dims`;
    /// without the padding to 16.
    pub bytes: Vec<u8>,
}

/// Shape, type and scale of a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueInfo {
    /// Name of the value.
    pub name: String,
    /// Comment.
    pub doc: String,
    /// Type of the elements.
    pub data_type: DataType,
    /// Lengths of the axes; `None` if the shape is not known.
    pub dims: Option<Vec<Dim>>,
    /// Exponents, of which the chip reads only the first.
    pub exponents: Vec<i64>,
}

/// Length of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// Length without a number or a name.
    Unknown,
    /// A number.
    Size(i64),
    /// A name, which stands for any number.
    Named(String),
}

/// `TensorDataType` of the schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DataType {
    /// No type: a value that was not quantized.
    #[default]
    Undefined = 0,
    /// float32
    Float = 1,
    /// uint8
    Uint8 = 2,
    /// int8
    Int8 = 3,
    /// uint16
    Uint16 = 4,
    /// int16
    Int16 = 5,
    /// int32
    Int32 = 6,
    /// int64
    Int64 = 7,
    /// Strings, which have no fixed width.
    String = 8,
    /// One byte, 0 or 1.
    Bool = 9,
    /// float16
    Float16 = 10,
    /// float64
    Double = 11,
    /// uint32
    Uint32 = 12,
    /// uint64
    Uint64 = 13,
}

impl DataType {
    /// Returns the integer type of this width.
    pub fn of_bits(bits: u32) -> DataType {
        match bits {
            0..=8 => DataType::Int8,
            9..=16 => DataType::Int16,
            17..=32 => DataType::Int32,
            _ => DataType::Int64,
        }
    }

    /// Every type, by its number.
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

    /// Finds the type of a number; fails if the schema has none.
    pub fn from_code(code: i32) -> Result<DataType> {
        match DataType::ALL.iter().find(|t| t.code() == code) {
            Some(&found) => Ok(found),
            None => bail!("data type {code} is not one of ESP-DL's, which end at {}", DataType::Uint64.code()),
        }
    }

    /// Bytes per element; `None` for types without a fixed width.
    pub fn width(self) -> Option<usize> {
        match self {
            DataType::Undefined | DataType::String => None,
            DataType::Uint8 | DataType::Int8 | DataType::Bool => Some(1),
            DataType::Uint16 | DataType::Int16 | DataType::Float16 => Some(2),
            DataType::Float | DataType::Int32 | DataType::Uint32 => Some(4),
            DataType::Int64 | DataType::Double | DataType::Uint64 => Some(8),
        }
    }

    /// Returns NumPy's name of the type: "float32".
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

    /// Smallest and largest integer of the types that carry exponents.
    pub fn limits(self) -> Option<(f64, f64)> {
        match self {
            DataType::Int8 => Some((i8::MIN.into(), i8::MAX.into())),
            DataType::Int16 => Some((i16::MIN.into(), i16::MAX.into())),
            _ => None,
        }
    }
}

impl Tensor {
    /// Returns the number of elements according to `dims`; an empty list means one element.
    pub fn count(&self) -> Result<usize> {
        match self.dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) {
            Some(count) => Ok(count),
            None => bail!("tensor {}: {:?} has more elements than memory can hold", self.name, self.dims),
        }
    }

    /// Returns the length that `bytes` must have.
    pub fn byte_count(&self) -> Result<usize> {
        let Some(width) = self.data_type.width() else {
            bail!("tensor {}: elements of type {} have no fixed width", self.name, self.data_type.name());
        };
        match self.count()?.checked_mul(width) {
            Some(count) => Ok(count),
            None => bail!("tensor {}: {:?} needs more bytes than memory can hold", self.name, self.dims),
        }
    }
}

impl ValueInfo {
    /// Returns all sizes if all are known and none is negative.
    pub fn sizes(&self) -> Option<Vec<usize>> {
        let size = |dim: &Dim| match dim {
            Dim::Size(n) => usize::try_from(*n).ok(),
            _ => None,
        };
        self.dims.as_ref()?.iter().map(size).collect()
    }

    /// Returns the bytes of the value on the chip; `None` if its shape or type is not fixed.
    pub fn bytes(&self) -> Option<usize> {
        let count = self.sizes()?.into_iter().try_fold(1usize, usize::checked_mul)?;
        count.checked_mul(self.data_type.width()?)
    }
}

impl Node {
    /// Returns an attribute of any kind.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Returns a text attribute; `None` where it is missing, of another kind, or not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            Attribute::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Returns an integer attribute; `None` where it is missing or of another kind.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attribute(name)? {
            Attribute::Int(value) => Some(*value),
            _ => None,
        }
    }
}

impl Tensor {
    /// Returns the elements as numbers; `None` for types that are not numbers or that a double cannot hold.
    pub fn values(&self) -> Option<Vec<f64>> {
        let bytes = self.bytes.as_slice();
        Some(match self.data_type {
            DataType::Int8 => bytes.iter().map(|&b| (b as i8).into()).collect(),
            DataType::Uint8 | DataType::Bool => bytes.iter().map(|&b| b.into()).collect(),
            DataType::Int16 => bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
            DataType::Uint16 => bytes.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b).into()).collect(),
            DataType::Int32 => bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect(),
            DataType::Uint32 => bytes.as_chunks().0.iter().map(|&b| u32::from_le_bytes(b).into()).collect(),
            // Rounded beyond 2^53, which is accurate enough for a range.
            DataType::Int64 => bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f64).collect(),
            DataType::Uint64 => bytes.as_chunks().0.iter().map(|&b| u64::from_le_bytes(b) as f64).collect(),
            DataType::Float => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect(),
            DataType::Double => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            DataType::Float16 | DataType::String | DataType::Undefined => return None,
        })
    }
}
