//! Equal, Greater, GreaterOrEqual, Less, LessOrEqual: of integers as they are (`dl_base_greater.cpp` and its kin).
//!
//! Never: floats, which the loader makes no module for.

use crate::chip::QuantType;
use crate::espdl::DataType;
use crate::{Result, bail};

use super::elementwise::{broadcast, indices, merged};
use super::step::Step;
use super::value::{Data, Value, Whole};

pub fn compare(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => compare_of::<i8>(step),
        QuantType::S16 => compare_of::<i16>(step),
        _ => step.unsupported(),
    }
}

fn compare_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let (a, b) = (step.input(0)?, step.input(1)?);
    if a.exponent() != b.exponent() {
        bail!("exponents {} and {}, but the chip compares integers as they are", a.exponent(), b.exponent());
    }
    let dims = broadcast(&a.dims, &b.dims)?;
    let (_, rank) = merged(&a.dims, &b.dims, &dims);
    if rank > 4 {
        bail!("shapes {:?} and {:?} need {rank} loops, the chip has 4", a.dims, b.dims);
    }
    let (left, right) = (a.whole::<T>()?, b.whole::<T>()?);
    let holds: fn(&T, &T) -> bool = match step.node.op.as_str() {
        "Equal" => |x, y| x == y,
        "Greater" => |x, y| x > y,
        "GreaterOrEqual" => |x, y| x >= y,
        "Less" => |x, y| x < y,
        "LessOrEqual" => |x, y| x <= y,
        _ => return step.unsupported(),
    };
    let pairs = indices(&a.dims, &dims).into_iter().zip(indices(&b.dims, &dims));
    // In bounds: the indices are of the operands' shapes.
    let values = pairs.map(|(i, j)| u8::from(holds(&left[i], &right[j]))).collect();
    let declared = step.output()?;
    if declared.data_type != DataType::Bool {
        bail!("its output is declared {}, it makes {}", declared.data_type.name(), DataType::Bool.name());
    }
    Ok(vec![Value { dims, exponents: vec![declared.exponent], data: Data::Bool(values) }])
}
