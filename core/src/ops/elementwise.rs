//! Macros that define elementwise operators: a file gives the operator's name and function.

use crate::graph::{DataType, Element, Tensor};
use crate::{Result, bail};

use super::broadcast::{broadcast_shape, zip};
use super::{Call, Fact};

/// Applies `f` to every element; in place if the tensor is not shared.
pub fn map<T: Element>(tensor: Tensor, f: impl Fn(T) -> T) -> Result<Tensor> {
    let shape = tensor.shape().to_vec();
    let Some(mut values) = tensor.into_vec::<T>() else { bail!("an input is not {}", T::TYPE.name()) };
    values.iter_mut().for_each(|v| *v = f(*v));
    Tensor::new(&shape, values)
}

/// Changes all elements at once; in place if the tensor is not shared.
pub fn map_all<T: Element>(tensor: Tensor, f: impl FnOnce(&mut [T])) -> Result<Tensor> {
    let shape = tensor.shape().to_vec();
    let Some(mut values) = tensor.into_vec::<T>() else { bail!("an input is not {}", T::TYPE.name()) };
    f(&mut values);
    Tensor::new(&shape, values)
}

/// Infers one output of the first input's type and shape.
pub fn infer_same(call: &Call) -> Result<Vec<Fact>> {
    let Some(Some(x)) = call.inputs.first() else { bail!("an input is missing") };
    Ok(vec![Fact::new(x.data_type, x.shape.clone())])
}

/// Infers the first input's type, and the shape that all inputs broadcast to.
pub fn infer_broadcast(call: &Call) -> Result<Vec<Fact>> {
    let Some(Some(first)) = call.inputs.first() else { bail!("an input is missing") };
    Ok(vec![Fact::new(first.data_type, broadcast_of(call)?)])
}

/// Infers bool, and the shape that both inputs broadcast to.
pub fn infer_bool(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(DataType::Bool, broadcast_of(call)?)])
}

fn broadcast_of(call: &Call) -> Result<Vec<usize>> {
    let shapes: Vec<&[usize]> = call.inputs.iter().flatten().map(|f| f.shape.as_slice()).collect();
    if shapes.len() != call.inputs.len() {
        bail!("an input is missing");
    }
    broadcast_shape(&shapes)
}

/// Takes an input out of the list.
pub fn take(inputs: &mut [Option<Tensor>], port: usize) -> Result<Tensor> {
    match inputs.get_mut(port).and_then(Option::take) {
        Some(tensor) => Ok(tensor),
        None => bail!("input {port} is missing"),
    }
}

/// Computes a bool from each pair of booleans.
pub fn logical(mut inputs: Vec<Option<Tensor>>, f: impl Fn(bool, bool) -> bool) -> Result<Vec<Tensor>> {
    let (a, b) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
    Ok(vec![zip(a, b, f)?])
}

/// Defines an operator `y = f(x)` of floating-point tensors, with float attributes and their defaults.
macro_rules! unary {
    ($name:literal, $treatment:expr, $chip:expr, ($($attribute:ident = $default:expr),*), |$x:ident| $body:expr) => {
        pub static OPERATOR: $crate::ops::Operator = $crate::ops::Operator {
            name: $name,
            treatment: $treatment,
            chip: $chip,
            infer: $crate::ops::elementwise::infer_same,
            prepare,
        };

        fn prepare(_call: &$crate::ops::Call) -> $crate::Result<Box<dyn $crate::ops::Kernel>> {
            Ok(Box::new(Function { $($attribute: _call.attributes.float_or(stringify!($attribute), $default)),* }))
        }

        struct Function { $($attribute: f32),* }

        impl $crate::ops::Kernel for Function {
            fn run(&self, mut inputs: Vec<Option<$crate::graph::Tensor>>) -> $crate::Result<Vec<$crate::graph::Tensor>> {
                let x = $crate::ops::elementwise::take(&mut inputs, 0)?;
                $(#[allow(unused_variables)] let $attribute = self.$attribute;)*
                Ok(vec![match x.data_type() {
                    $crate::graph::DataType::F64 => {
                        $(#[allow(unused_variables)] let $attribute = f64::from(self.$attribute);)*
                        $crate::ops::elementwise::map::<f64>(x, |$x: f64| $body)?
                    }
                    $crate::graph::DataType::F32 => $crate::ops::elementwise::map::<f32>(x, |$x: f32| $body)?,
                    other => $crate::bail!("{} takes float32 or float64, not {}", $name, other.name()),
                }])
            }
        }
    };
}

/// Defines an operator of two broadcast tensors of numbers: one function for floats, one for integers.
macro_rules! binary {
    ($name:literal, $treatment:expr, $chip:expr, |$x:ident, $y:ident| $float:expr, |$i:ident, $j:ident| $whole:expr) => {
        pub static OPERATOR: $crate::ops::Operator = $crate::ops::Operator {
            name: $name,
            treatment: $treatment,
            chip: $chip,
            infer: $crate::ops::elementwise::infer_broadcast,
            prepare: |_| Ok(Box::new(Function)),
        };

        struct Function;

        impl $crate::ops::Kernel for Function {
            fn run(&self, inputs: Vec<Option<$crate::graph::Tensor>>) -> $crate::Result<Vec<$crate::graph::Tensor>> {
                $crate::ops::elementwise::numbers!(combine, $name, inputs, |$x, $y| $float, |$i, $j| $whole)
            }
        }
    };
}

/// Defines a comparison of two broadcast tensors of numbers.
macro_rules! comparison {
    ($name:literal, $treatment:expr, $chip:expr, |$x:ident, $y:ident| $body:expr) => {
        pub static OPERATOR: $crate::ops::Operator = $crate::ops::Operator {
            name: $name,
            treatment: $treatment,
            chip: $chip,
            infer: $crate::ops::elementwise::infer_bool,
            prepare: |_| Ok(Box::new(Function)),
        };

        struct Function;

        impl $crate::ops::Kernel for Function {
            fn run(&self, inputs: Vec<Option<$crate::graph::Tensor>>) -> $crate::Result<Vec<$crate::graph::Tensor>> {
                $crate::ops::elementwise::numbers!(zip, $name, inputs, |$x, $y| $body, |$x, $y| $body)
            }
        }
    };
}

/// Folds inputs pairwise with a function for floats and one for integers; by `broadcast::combine` if the result has the
/// inputs' type, else by `broadcast::zip`. The loops over floats are compiled for each operator, those over integers,
/// which are shapes and indices, once for all.
macro_rules! numbers {
    ($pair:ident, $name:literal, $inputs:expr, |$x:ident, $y:ident| $float:expr, |$i:ident, $j:ident| $whole:expr) => {{
        use $crate::graph::DataType;
        use $crate::ops::broadcast::$pair;
        let mut inputs = $inputs.into_iter().flatten();
        let Some(mut a) = inputs.next() else { $crate::bail!("{} has no input", $name) };
        for b in inputs {
            if a.data_type() != b.data_type() {
                $crate::bail!(
                    "{} takes inputs of one type, not {} and {}",
                    $name,
                    a.data_type().name(),
                    b.data_type().name()
                );
            }
            a = match a.data_type() {
                DataType::F32 => $pair(a, b, |$x: f32, $y: f32| $float)?,
                DataType::F64 => $pair(a, b, |$x: f64, $y: f64| $float)?,
                DataType::I8 => $pair(a, b, (|$i: i8, $j: i8| $whole) as fn(i8, i8) -> _)?,
                DataType::I16 => $pair(a, b, (|$i: i16, $j: i16| $whole) as fn(i16, i16) -> _)?,
                DataType::I32 => $pair(a, b, (|$i: i32, $j: i32| $whole) as fn(i32, i32) -> _)?,
                DataType::I64 => $pair(a, b, (|$i: i64, $j: i64| $whole) as fn(i64, i64) -> _)?,
                DataType::U8 => $pair(a, b, (|$i: u8, $j: u8| $whole) as fn(u8, u8) -> _)?,
                DataType::U16 => $pair(a, b, (|$i: u16, $j: u16| $whole) as fn(u16, u16) -> _)?,
                DataType::U32 => $pair(a, b, (|$i: u32, $j: u32| $whole) as fn(u32, u32) -> _)?,
                DataType::U64 => $pair(a, b, (|$i: u64, $j: u64| $whole) as fn(u64, u64) -> _)?,
                DataType::Bool => $crate::bail!("{} does not take bool", $name),
            };
        }
        Ok(vec![a])
    }};
}

pub(crate) use {binary, comparison, numbers, unary};
