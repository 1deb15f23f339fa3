//! Structs of the archive's JSON that espq reads, with the names of `torch/_export/serde/schema.py`.
//!
//! Fields that are not listed are skipped: minor versions of the schema add some.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

/// Major version of the schema.
pub const MAJOR: i64 = 8;

/// Exported program as far as its version is known.
#[derive(Deserialize)]
pub struct Header {
    pub schema_version: Version,
    #[serde(default)]
    pub torch_version: String,
}

#[derive(Deserialize)]
pub struct Version {
    pub major: i64,
    pub minor: i64,
}

#[derive(Deserialize)]
pub struct Exported {
    pub schema_version: Version,
    #[serde(default)]
    pub torch_version: String,
    pub graph_module: Module,
}

#[derive(Deserialize)]
pub struct Module {
    pub graph: Graph,
    pub signature: Signature,
    #[serde(default)]
    pub module_call_graph: Vec<ModuleCall>,
}

#[derive(Deserialize, Debug)]
pub struct Graph {
    #[serde(default)]
    pub inputs: Vec<Argument>,
    #[serde(default)]
    pub outputs: Vec<Argument>,
    pub nodes: Vec<Node>,
    pub tensor_values: HashMap<String, Meta>,
    #[serde(default)]
    pub sym_int_values: HashMap<String, Length>,
}

#[derive(Deserialize, Debug)]
pub struct Node {
    pub target: String,
    pub inputs: Vec<Named>,
    pub outputs: Vec<Argument>,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Deserialize, Debug)]
pub struct Named {
    pub name: String,
    pub arg: Argument,
}

#[derive(Deserialize, Default, Debug, Clone)]
pub struct Metadata {
    /// `KEY,PATH,CLASS` for each module around the node, joined by `;`, the outermost first.
    #[serde(default)]
    pub nn_module_stack: String,
    #[serde(default)]
    pub stack_trace: String,
}

/// Type, sizes and strides of a tensor.
#[derive(Deserialize, Clone, Debug)]
pub struct Meta {
    pub dtype: i64,
    pub sizes: Vec<Length>,
    pub strides: Vec<Length>,
    pub storage_offset: Length,
}

/// Number, or an expression of free lengths.
#[derive(Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    AsInt(i64),
    AsExpr(Expression),
}

#[derive(Deserialize, Clone, Debug, PartialEq)]
pub struct Expression {
    pub expr_str: String,
}

/// Value that is made elsewhere, by name.
#[derive(Deserialize, Debug)]
pub struct Reference {
    pub name: String,
}

#[derive(Deserialize)]
pub struct Signature {
    pub input_specs: Vec<InputSpec>,
    pub output_specs: Vec<OutputSpec>,
}

/// Kind of an input of the graph: one of the fields is there.
#[derive(Deserialize)]
pub struct InputSpec {
    pub parameter: Option<Parameter>,
    pub buffer: Option<Buffer>,
    pub tensor_constant: Option<TensorConstant>,
    pub user_input: Option<Only>,
    pub constant_input: Option<IgnoredAny>,
    pub token: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub struct Parameter {
    pub arg: Reference,
    pub parameter_name: String,
}

#[derive(Deserialize)]
pub struct Buffer {
    pub arg: Reference,
    pub buffer_name: String,
}

#[derive(Deserialize)]
pub struct TensorConstant {
    pub arg: Reference,
    pub tensor_constant_name: String,
}

#[derive(Deserialize)]
pub struct Only {
    pub arg: Argument,
}

/// Kind of an output of the graph: one of the fields is there.
#[derive(Deserialize)]
pub struct OutputSpec {
    pub user_output: Option<Only>,
    pub buffer_mutation: Option<BufferMutation>,
}

#[derive(Deserialize)]
pub struct BufferMutation {
    pub buffer_name: String,
}

#[derive(Deserialize)]
pub struct ModuleCall {
    #[serde(default)]
    pub fqn: String,
    #[serde(default)]
    pub signature: Option<CallSignature>,
}

#[derive(Deserialize)]
pub struct CallSignature {
    /// Structure of the outputs: JSON in a string.
    #[serde(default)]
    pub out_spec: String,
}

/// File with the tensors of parameters, buffers or constants.
#[derive(Deserialize)]
pub struct Config {
    pub config: HashMap<String, Payload>,
}

#[derive(Deserialize)]
pub struct Payload {
    pub path_name: String,
    #[serde(default)]
    pub use_pickle: bool,
    pub tensor_meta: Option<Meta>,
}

/// Argument of an operator, or an output.
#[derive(Debug)]
pub enum Argument {
    None,
    Tensor(String),
    Tensors(Vec<String>),
    OptionalTensors(Vec<Option<String>>),
    Int(i64),
    Ints(Vec<i64>),
    Float(f64),
    Floats(Vec<f64>),
    Bool(bool),
    Text(String),
    /// Integer that is computed from free lengths.
    Symbol(Symbolic),
    Symbols(Vec<Symbolic>),
    /// Graph of its own, which a wrapper runs.
    Graph(Box<Wrapped>),
    /// Kind that no operator of espq takes: a device, a type of elements, a layout.
    Other,
}

/// Graph in an argument.
#[derive(Deserialize, Debug)]
pub struct Wrapped {
    pub graph: Graph,
}

/// Integer of the graph: a number, or a value by name.
#[derive(Deserialize, Debug, Clone)]
#[serde(rename_all = "snake_case")]
pub enum Symbolic {
    AsInt(i64),
    AsName(String),
}

/// Floats that JSON has no number for are strings.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Text(String),
}

impl Number {
    fn value(self) -> Option<f64> {
        match self {
            Number::Float(float) => Some(float),
            Number::Text(text) => text.parse().ok(),
        }
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Argument, D::Error> {
        deserializer.deserialize_map(OneKey)
    }
}

struct OneKey;

impl<'de> Visitor<'de> for OneKey {
    type Value = Argument;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an argument: an object with one key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Argument, A::Error> {
        let Some(key) = map.next_key::<String>()? else { return Err(A::Error::custom("an argument without a key")) };
        let argument = value(&key, &mut map)?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(argument)
    }
}

fn value<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Argument, A::Error> {
    let float = |number: Number| number.value().ok_or_else(|| A::Error::custom("a float that is no number"));
    let tensor = |argument: Argument| match argument {
        Argument::Tensor(name) => Some(name),
        _ => None,
    };
    Ok(match key {
        "as_tensor" => Argument::Tensor(map.next_value::<Reference>()?.name),
        "as_tensors" => Argument::Tensors(map.next_value::<Vec<Reference>>()?.into_iter().map(|r| r.name).collect()),
        "as_optional_tensors" => {
            Argument::OptionalTensors(map.next_value::<Vec<Argument>>()?.into_iter().map(tensor).collect())
        }
        "as_int" => Argument::Int(map.next_value()?),
        "as_ints" => Argument::Ints(map.next_value()?),
        "as_float" => Argument::Float(float(map.next_value()?)?),
        "as_floats" => {
            Argument::Floats(map.next_value::<Vec<Number>>()?.into_iter().map(float).collect::<Result<_, _>>()?)
        }
        "as_bool" => Argument::Bool(map.next_value()?),
        "as_string" => Argument::Text(map.next_value()?),
        "as_graph" => Argument::Graph(Box::new(map.next_value()?)),
        "as_sym_int" => Argument::Symbol(map.next_value()?),
        "as_sym_ints" => Argument::Symbols(map.next_value()?),
        other => {
            map.next_value::<IgnoredAny>()?;
            match other {
                "as_none" => Argument::None,
                _ => Argument::Other,
            }
        }
    })
}
