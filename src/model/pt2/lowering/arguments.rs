//! Arguments of operators by the names of PyTorch's schema; those at their default are left out in the file.

use super::{Call, Lowering, outputs};
use crate::graph::axes::from_front;
use crate::graph::{DataType, ValueId};
use crate::model::pt2::lengths::evaluate;
use crate::model::pt2::schema::{Argument, Form, Symbolic};
use crate::model::pt2::tensors;
use crate::{Result, bail};

/// Operand of an operator that takes tensors and numbers.
#[derive(Clone, Copy)]
pub enum Operand {
    Tensor(ValueId, DataType),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl<'a> Call<'a> {
    pub fn argument(&self, name: &str) -> Option<&'a Argument<'a>> {
        self.node.inputs.iter().find(|named| *named.name == *name).map(|named| &named.arg)
    }

    pub(super) fn tensor(&self, name: &str) -> Result<&'a str> {
        match self.argument(name) {
            Some(Argument::Tensor(tensor)) => Ok(tensor),
            _ => bail!("its tensor '{name}' is missing"),
        }
    }

    /// Returns the operator's name without its namespace: `add.Tensor`.
    pub fn operator(&self) -> &'a str {
        self.node.target.strip_prefix("torch.ops.aten.").unwrap_or(&self.node.target)
    }

    /// Returns the name of the first output.
    pub fn output(&self) -> Result<&'a str> {
        match outputs(self.node).next() {
            Some(output) => Ok(output),
            None => bail!("has no output"),
        }
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn form(&self, name: &str) -> Result<&'a Form<'a>> {
        match self.program.graph().tensor_values.get(name) {
            Some(meta) => Ok(meta),
            None => bail!("tensor '{name}' has no sizes in the file"),
        }
    }

    /// Returns the sizes of a tensor of the program.
    pub fn sizes(&self, name: &str) -> Result<Vec<usize>> {
        let sizes: Vec<i64> =
            self.form(name)?.sizes.iter().map(|size| evaluate(size, &self.symbols)).collect::<Result<_>>()?;
        tensors::shape(&sizes)
    }

    /// Returns the sizes of an argument.
    pub fn shape(&self, call: Call<'a>, name: &str) -> Result<Vec<usize>> {
        self.sizes(call.tensor(name)?)
    }

    pub fn output_shape(&self, call: Call<'a>) -> Result<Vec<usize>> {
        self.sizes(call.output()?)
    }

    pub fn kind(&self, call: Call<'a>, name: &str) -> Result<DataType> {
        self.kind_of(call.tensor(name)?)
    }

    /// Returns the type of the elements of a tensor of the program.
    pub fn kind_of(&self, name: &str) -> Result<DataType> {
        tensors::data_type(self.form(name)?.dtype)
    }

    pub fn output_kind(&self, call: Call<'a>) -> Result<DataType> {
        self.kind_of(call.output()?)
    }

    /// Returns the value of a tensor; a parameter or a constant is added when it is first read.
    pub fn value_of(&mut self, name: &'a str) -> Result<ValueId> {
        if let Some(&value) = self.held.get(name) {
            return Ok(value);
        }
        let program = self.program;
        let Some(parameter) = program.names.get(name) else { bail!("tensor '{name}' is read before it is made") };
        let tensor = program.tensor(parameter)?;
        let storage = program.storage(parameter);
        let same = storage.and_then(|storage| self.tied.get(&storage)).into_iter().flatten();
        let same = same.copied().find(|&value| self.tensor(value) == Some(&tensor));
        let value = match same {
            Some(value) => value,
            None => self.named_constant(parameter, tensor),
        };
        if let Some(storage) = storage {
            self.tied.entry(storage).or_default().push(value);
        }
        self.held.insert(name, value);
        Ok(value)
    }

    pub fn input(&mut self, call: Call<'a>, name: &str) -> Result<ValueId> {
        self.value_of(call.tensor(name)?)
    }

    pub fn optional(&mut self, call: Call<'a>, name: &str) -> Result<Option<ValueId>> {
        match call.argument(name) {
            Some(Argument::Tensor(tensor)) => self.value_of(tensor).map(Some),
            _ => Ok(None),
        }
    }

    pub fn inputs_of(&mut self, call: Call<'a>, name: &str) -> Result<Vec<ValueId>> {
        match call.argument(name) {
            Some(Argument::Tensors(tensors)) => tensors.iter().map(|tensor| self.value_of(tensor)).collect(),
            _ => bail!("its tensors '{name}' are missing"),
        }
    }

    /// Sets the first output.
    pub fn set(&mut self, call: Call<'a>, value: ValueId) -> Result<()> {
        self.held.insert(call.output()?, value);
        Ok(())
    }

    /// Sets the outputs in their order; those that are left out cannot be read.
    pub fn set_all(&mut self, call: Call<'a>, values: &[ValueId]) -> Result<()> {
        self.held.extend(outputs(call.node).zip(values.iter().copied()));
        Ok(())
    }

    fn symbolic(&self, symbolic: &Symbolic) -> Result<i64> {
        let name = match symbolic {
            Symbolic::AsInt(int) => return Ok(*int),
            Symbolic::AsName(name) => name,
        };
        match self.program.graph().sym_int_values.get(name) {
            Some(length) => evaluate(length, &self.symbols),
            None => bail!("length '{name}' is not in the file"),
        }
    }

    pub fn optional_int(&self, call: Call, name: &str) -> Result<Option<i64>> {
        Ok(match call.argument(name) {
            None | Some(Argument::None) => None,
            Some(Argument::Int(int)) => Some(*int),
            Some(Argument::Bool(flag)) => Some(i64::from(*flag)),
            Some(Argument::Symbol(symbolic)) => Some(self.symbolic(symbolic)?),
            Some(other) => bail!("'{name}' is {other:?}, not an integer"),
        })
    }

    pub fn int(&self, call: Call, name: &str, default: i64) -> Result<i64> {
        Ok(self.optional_int(call, name)?.unwrap_or(default))
    }

    /// Returns a list of integers; a single one is a list of one.
    pub fn ints(&self, call: Call, name: &str) -> Result<Option<Vec<i64>>> {
        Ok(match call.argument(name) {
            None | Some(Argument::None) => None,
            Some(Argument::Int(int)) => Some(vec![*int]),
            Some(Argument::Ints(ints)) => Some(ints.clone()),
            Some(Argument::Symbols(symbols)) => {
                Some(symbols.iter().map(|symbol| self.symbolic(symbol)).collect::<Result<_>>()?)
            }
            // An empty list has no type.
            Some(Argument::Tensors(none)) if none.is_empty() => Some(Vec::new()),
            Some(other) => bail!("'{name}' is {other:?}, not a list of integers"),
        })
    }

    /// Returns a list of as many integers; one stands for all of them.
    pub fn spread(&self, call: Call, name: &str, count: usize, default: i64) -> Result<Vec<i64>> {
        let ints = self.ints(call, name)?.filter(|ints| !ints.is_empty()).unwrap_or_else(|| vec![default]);
        match ints.as_slice() {
            _ if ints.len() == count => Ok(ints),
            [one] => Ok(vec![*one; count]),
            _ => bail!("'{name}' is {ints:?} for {count} dimensions"),
        }
    }

    pub fn float(&self, call: Call, name: &str, default: f64) -> Result<f64> {
        Ok(match call.argument(name) {
            None | Some(Argument::None) => default,
            Some(Argument::Float(float)) => *float,
            Some(Argument::Int(int)) => *int as f64,
            Some(Argument::Bool(flag)) => f64::from(u8::from(*flag)),
            Some(Argument::Symbol(symbolic)) => self.symbolic(symbolic)? as f64,
            Some(other) => bail!("'{name}' is {other:?}, not a number"),
        })
    }

    pub fn flag(&self, call: Call, name: &str, default: bool) -> Result<bool> {
        Ok(match call.argument(name) {
            None | Some(Argument::None) => default,
            Some(Argument::Bool(flag)) => *flag,
            Some(Argument::Int(int)) => *int != 0,
            Some(other) => bail!("'{name}' is {other:?}, not true or false"),
        })
    }

    pub fn text(&self, call: Call<'a>, name: &str, default: &'static str) -> Result<&'a str> {
        Ok(match call.argument(name) {
            None | Some(Argument::None) => default,
            Some(Argument::Text(text)) => text,
            Some(other) => bail!("'{name}' is {other:?}, not a text"),
        })
    }

    pub fn operand(&mut self, call: Call<'a>, name: &str) -> Result<Operand> {
        Ok(match call.argument(name) {
            Some(Argument::Tensor(_)) => Operand::Tensor(self.input(call, name)?, self.kind(call, name)?),
            Some(Argument::Float(float)) => Operand::Float(*float),
            Some(Argument::Bool(flag)) => Operand::Bool(*flag),
            _ => match self.optional_int(call, name)? {
                Some(int) => Operand::Int(int),
                None => bail!("its operand '{name}' is missing"),
            },
        })
    }

    /// Returns an axis from the front, of an argument with a default.
    pub fn axis(&self, call: Call, name: &str, default: i64, rank: usize) -> Result<usize> {
        front(self.int(call, name, default)?, rank)
    }
}

/// Returns the place of an axis that may be counted from the end.
pub fn front(axis: i64, rank: usize) -> Result<usize> {
    match from_front(axis, rank) {
        Some(axis) => Ok(axis),
        None => bail!("axis {axis} of {rank} dimensions"),
    }
}
