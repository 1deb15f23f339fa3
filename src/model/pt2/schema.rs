//! Structs of the archive's JSON that espq reads, with the names of `torch/_export/serde/schema.py`.
//!
//! Fields that are not listed are skipped: minor versions of the schema add some. Texts are parts of the file, as most of
//! the JSON is names, and nothing is copied that no message needs.

use std::fmt;
use std::marker::PhantomData;

use foldhash::HashMap;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use super::text::Text;

/// Major version of the schema.
pub const MAJOR: i64 = 8;

/// Exported program as far as its version is known.
#[derive(Deserialize)]
pub struct Header<'a> {
    pub schema_version: Version,
    #[serde(borrow, default)]
    pub torch_version: Text<'a>,
}

#[derive(Deserialize)]
pub struct Version {
    pub major: i64,
    pub minor: i64,
}

#[derive(Deserialize)]
pub struct Exported<'a> {
    pub schema_version: Version,
    #[serde(borrow, default)]
    pub torch_version: Text<'a>,
    #[serde(borrow)]
    pub graph_module: Module<'a>,
}

#[derive(Deserialize)]
pub struct Module<'a> {
    #[serde(borrow)]
    pub graph: Graph<'a>,
    #[serde(borrow)]
    pub signature: Signature<'a>,
    #[serde(borrow, default)]
    pub module_call_graph: Vec<ModuleCall<'a>>,
}

#[derive(Deserialize, Debug)]
pub struct Graph<'a> {
    #[serde(borrow, default)]
    pub inputs: Vec<Argument<'a>>,
    #[serde(borrow, default)]
    pub outputs: Vec<Argument<'a>>,
    #[serde(borrow)]
    pub nodes: Vec<Node<'a>>,
    #[serde(borrow, deserialize_with = "map")]
    pub tensor_values: HashMap<Text<'a>, Form<'a>>,
    #[serde(borrow, default)]
    pub sym_int_values: HashMap<Text<'a>, Length<'a>>,
}

#[derive(Deserialize, Debug)]
pub struct Node<'a> {
    #[serde(borrow)]
    pub target: Text<'a>,
    #[serde(borrow)]
    pub inputs: Vec<Named<'a>>,
    #[serde(borrow)]
    pub outputs: Vec<Argument<'a>>,
    #[serde(borrow, default)]
    pub metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
}

#[derive(Deserialize, Debug)]
pub struct Named<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub arg: Argument<'a>,
}

#[derive(Deserialize, Default, Debug, Clone)]
pub struct Metadata<'a> {
    /// `KEY,PATH,CLASS` for each module around the node, joined by `;`, the outermost first.
    #[serde(borrow, default)]
    pub nn_module_stack: Text<'a>,
    /// Half of the file, and read only where a message names the user's line: [`Metadata::trace`].
    #[serde(borrow, default)]
    stack_trace: Option<&'a RawValue>,
}

impl Metadata<'_> {
    /// Returns the calls that led to the node, as Python prints them.
    pub fn trace(&self) -> String {
        self.stack_trace.and_then(|trace| serde_json::from_str(trace.get()).ok()).unwrap_or_default()
    }
}

/// Type and sizes of a tensor of the graph.
#[derive(Deserialize, Debug)]
pub struct Form<'a> {
    pub dtype: i64,
    #[serde(borrow)]
    pub sizes: Vec<Length<'a>>,
}

/// Type, sizes and strides of a tensor of the archive.
#[derive(Deserialize, Debug)]
pub struct Meta<'a> {
    pub dtype: i64,
    #[serde(borrow)]
    pub sizes: Vec<Length<'a>>,
    #[serde(borrow)]
    pub strides: Vec<Length<'a>>,
    #[serde(borrow)]
    pub storage_offset: Length<'a>,
}

/// Number, or an expression of free lengths.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Length<'a> {
    AsInt(i64),
    #[serde(borrow)]
    AsExpr(Expression<'a>),
}

#[derive(Deserialize, Debug, PartialEq)]
pub struct Expression<'a> {
    #[serde(borrow)]
    pub expr_str: Text<'a>,
}

/// Value that is made elsewhere, by name.
#[derive(Deserialize, Debug)]
pub struct Reference<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
}

#[derive(Deserialize)]
pub struct Signature<'a> {
    #[serde(borrow)]
    pub input_specs: Vec<InputSpec<'a>>,
    #[serde(borrow)]
    pub output_specs: Vec<OutputSpec<'a>>,
}

/// Kind of an input of the graph: one of the fields is there.
#[derive(Deserialize)]
pub struct InputSpec<'a> {
    #[serde(borrow)]
    pub parameter: Option<Parameter<'a>>,
    #[serde(borrow)]
    pub buffer: Option<Buffer<'a>>,
    #[serde(borrow)]
    pub tensor_constant: Option<TensorConstant<'a>>,
    #[serde(borrow)]
    pub user_input: Option<Only<'a>>,
    pub constant_input: Option<IgnoredAny>,
    pub token: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub struct Parameter<'a> {
    #[serde(borrow)]
    pub arg: Reference<'a>,
    #[serde(borrow)]
    pub parameter_name: Text<'a>,
}

#[derive(Deserialize)]
pub struct Buffer<'a> {
    #[serde(borrow)]
    pub arg: Reference<'a>,
    #[serde(borrow)]
    pub buffer_name: Text<'a>,
}

#[derive(Deserialize)]
pub struct TensorConstant<'a> {
    #[serde(borrow)]
    pub arg: Reference<'a>,
    #[serde(borrow)]
    pub tensor_constant_name: Text<'a>,
}

#[derive(Deserialize)]
pub struct Only<'a> {
    #[serde(borrow)]
    pub arg: Argument<'a>,
}

/// Kind of an output of the graph: one of the fields is there.
#[derive(Deserialize)]
pub struct OutputSpec<'a> {
    #[serde(borrow)]
    pub user_output: Option<Only<'a>>,
    #[serde(borrow)]
    pub buffer_mutation: Option<BufferMutation<'a>>,
}

#[derive(Deserialize)]
pub struct BufferMutation<'a> {
    #[serde(borrow)]
    pub buffer_name: Text<'a>,
}

#[derive(Deserialize)]
pub struct ModuleCall<'a> {
    #[serde(borrow, default)]
    pub fqn: Text<'a>,
    #[serde(borrow, default)]
    pub signature: Option<CallSignature<'a>>,
}

#[derive(Deserialize)]
pub struct CallSignature<'a> {
    /// Structure of the outputs: JSON in a string.
    #[serde(borrow, default)]
    pub out_spec: Text<'a>,
}

/// File with the tensors of parameters, buffers or constants.
#[derive(Deserialize)]
pub struct Config<'a> {
    #[serde(borrow, deserialize_with = "pairs")]
    pub config: Vec<(Text<'a>, Payload<'a>)>,
}

#[derive(Deserialize)]
pub struct Payload<'a> {
    #[serde(borrow)]
    pub path_name: Text<'a>,
    #[serde(default)]
    pub use_pickle: bool,
    #[serde(borrow)]
    pub tensor_meta: Option<Meta<'a>>,
}

/// Argument of an operator, or an output.
#[derive(Debug)]
pub enum Argument<'a> {
    None,
    Tensor(Text<'a>),
    Tensors(Vec<Text<'a>>),
    OptionalTensors(Vec<Option<Text<'a>>>),
    Int(i64),
    Ints(Vec<i64>),
    Float(f64),
    Floats(Vec<f64>),
    Bool(bool),
    Text(Text<'a>),
    /// Integer that is computed from free lengths.
    Symbol(Symbolic<'a>),
    Symbols(Vec<Symbolic<'a>>),
    /// Graph of its own, which a wrapper runs.
    Graph(Box<Wrapped<'a>>),
    /// Kind that no operator of espq takes: a device, a type of elements, a layout.
    Other,
}

impl Argument<'_> {
    /// Tells arguments apart, floats by their bits.
    pub fn is_same(&self, other: &Argument) -> bool {
        let are_same = |a: &[f64], b: &[f64]| a.iter().map(|a| a.to_bits()).eq(b.iter().map(|b| b.to_bits()));
        match (self, other) {
            (Argument::None, Argument::None) | (Argument::Other, Argument::Other) => true,
            (Argument::Tensor(a), Argument::Tensor(b)) | (Argument::Text(a), Argument::Text(b)) => a == b,
            (Argument::Tensors(a), Argument::Tensors(b)) => a == b,
            (Argument::OptionalTensors(a), Argument::OptionalTensors(b)) => a == b,
            (Argument::Int(a), Argument::Int(b)) => a == b,
            (Argument::Ints(a), Argument::Ints(b)) => a == b,
            (Argument::Float(a), Argument::Float(b)) => are_same(&[*a], &[*b]),
            (Argument::Floats(a), Argument::Floats(b)) => are_same(a, b),
            (Argument::Bool(a), Argument::Bool(b)) => a == b,
            (Argument::Symbol(a), Argument::Symbol(b)) => a == b,
            (Argument::Symbols(a), Argument::Symbols(b)) => a == b,
            _ => false,
        }
    }
}

/// Graph in an argument.
#[derive(Deserialize, Debug)]
pub struct Wrapped<'a> {
    #[serde(borrow)]
    pub graph: Graph<'a>,
}

/// Integer of the graph: a number, or a value by name.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Symbolic<'a> {
    AsInt(i64),
    #[serde(borrow)]
    AsName(Text<'a>),
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

impl<'de: 'a, 'a> Deserialize<'de> for Argument<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Argument<'a>, D::Error> {
        deserializer.deserialize_map(OneKey)
    }
}

struct OneKey;

impl<'de> Visitor<'de> for OneKey {
    type Value = Argument<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an argument: an object with one key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Argument<'de>, A::Error> {
        let Some(key) = map.next_key::<Text>()? else { return Err(A::Error::custom("an argument without a key")) };
        let argument = value(&key, &mut map)?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(argument)
    }
}

fn value<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Argument<'de>, A::Error> {
    let float = |number: Number| number.value().ok_or_else(|| A::Error::custom("a float that is no number"));
    let tensor = |argument: Argument<'de>| match argument {
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

/// Reads a map whose size is known before it is made: to grow, it would hash all of its entries again.
fn map<'de, D: Deserializer<'de>, V: Deserialize<'de>>(deserializer: D) -> Result<HashMap<Text<'de>, V>, D::Error> {
    Ok(pairs(deserializer)?.into_iter().collect())
}

fn pairs<'de, D: Deserializer<'de>, V: Deserialize<'de>>(deserializer: D) -> Result<Vec<(Text<'de>, V)>, D::Error> {
    deserializer.deserialize_map(Pairs(PhantomData))
}

struct Pairs<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
    type Value = Vec<(Text<'de>, V)>;

    // serde's own words.
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}
