//! Node during preparation: facts of its inputs, its attributes, and the declarations of its outputs.
//!
//! Never: implementations of operators.

use crate::chip::QuantType;
use crate::chip::{Family, Target};
use crate::espdl::{Attribute, DataType, Node};
use crate::graph::axes::from_front;
use crate::{Error, Result, bail};

use super::kernel::{Inputs, Kernel};
use super::value::{Data, Fact, QuantizedInteger};

pub struct Step<'a> {
    pub node: &'a Node,
    pub target: Target,
    pub inputs: Vec<Option<&'a Fact>>,
    pub outputs: Vec<Declared>,
    /// Table that the attribute `lut` names.
    pub table: Option<&'a Fact>,
}

/// Type and exponent of an output in `value_info`, from which the chip reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    pub data_type: DataType,
    pub exponent: i32,
}

impl<'a> Step<'a> {
    pub fn family(&self) -> Family {
        self.target.family()
    }

    /// Returns the kernel's type; unknown values count as float.
    pub fn quant_type(&self) -> QuantType {
        self.node.text("quant_type").and_then(QuantType::from_name).unwrap_or(QuantType::F32)
    }

    pub fn input(&self, index: usize) -> Result<&'a Fact> {
        match self.optional(index) {
            Some(fact) => Ok(fact),
            None => bail!("{} has no input {index}", self.node.op),
        }
    }

    pub fn optional(&self, index: usize) -> Option<&'a Fact> {
        self.inputs.get(index).copied().flatten()
    }

    /// Returns an input of 8- or 16-bit integers.
    pub fn quantized<T: QuantizedInteger>(&self, index: usize) -> Result<&'a Fact> {
        self.typed(index, T::TYPE)
    }

    /// Returns an input of floats.
    pub fn floats(&self, index: usize) -> Result<&'a Fact> {
        self.typed(index, DataType::Float)
    }

    fn typed(&self, index: usize, data_type: DataType) -> Result<&'a Fact> {
        let fact = self.input(index)?;
        if fact.data_type != data_type {
            bail!("it reads {}, but the value is {}", data_type.name(), fact.data_type.name());
        }
        Ok(fact)
    }

    /// Returns the integers of an input that the chip reads when it loads the model.
    pub fn integers(&self, index: usize) -> Result<Vec<i64>> {
        self.input(index)?.constant()?.integers()
    }

    pub fn output(&self) -> Result<&Declared> {
        match self.outputs.first() {
            Some(output) => Ok(output),
            None => bail!("{} has no output", self.node.op),
        }
    }

    pub fn exponent(&self) -> Result<i32> {
        Ok(self.output()?.exponent)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.node.int(name).unwrap_or(default)
    }

    pub fn float(&self, name: &str, default: f32) -> Result<f32> {
        match self.node.attribute(name) {
            None => Ok(default),
            Some(Attribute::Float(value)) => Ok(*value),
            Some(other) => bail!("its {name} is {other:?}, not a float"),
        }
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        match self.node.attribute(name)? {
            Attribute::Ints(values) => Some(values.clone()),
            Attribute::Int(value) => Some(vec![*value]),
            _ => None,
        }
    }

    pub fn relu(&self) -> Result<bool> {
        match self.node.text("activation") {
            None | Some("Linear") => Ok(false),
            Some("Relu" | "ReLU") => Ok(true),
            Some(other) => bail!("{} has no kernel with the activation {other}", self.node.op),
        }
    }

    /// Makes a kernel with one output of integers.
    pub fn makes<T: QuantizedInteger>(
        &self,
        dims: Vec<usize>,
        run: impl Fn(&Inputs) -> Result<Vec<T>> + Send + Sync + 'static,
    ) -> Result<Kernel> {
        let declared = self.output()?;
        if declared.data_type != T::TYPE {
            bail!("its output is declared {}, but it makes {}", declared.data_type.name(), T::TYPE.name());
        }
        let fact = Fact::made(T::TYPE, dims, declared.exponent);
        Ok(Kernel::new(fact, move |inputs| Ok(T::data(run(inputs)?))))
    }

    /// Makes a kernel with one output of floats.
    pub fn makes_floats(
        &self,
        dims: Vec<usize>,
        run: impl Fn(&Inputs) -> Result<Vec<f32>> + Send + Sync + 'static,
    ) -> Kernel {
        Kernel::new(Fact::made(DataType::Float, dims, 0), move |inputs| Ok(Data::F32(run(inputs)?)))
    }

    pub fn unsupported<T>(&self) -> Result<T> {
        let kind = self.quant_type().name();
        Err(Error::new(format!("the interpreter does not support {} with quant_type {kind}", self.node.op))
            .with_help("export without test values, or run the model on the chip"))
    }

    /// Converts an axis to an index into `rank` dimensions.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize> {
        match from_front(axis, rank) {
            Some(axis) => Ok(axis),
            None => bail!("axis {axis} is outside the {rank} dimensions of its input"),
        }
    }
}
