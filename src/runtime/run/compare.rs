//! Equal, Greater, GreaterOrEqual, Less, LessOrEqual: of integers as they are (`dl_base_greater.cpp` and its kin).
//!
//! Never: floats, which the loader makes no module for.

use crate::chip::QuantType;
use crate::espdl::DataType;
use crate::{Result, bail};

use super::broadcast::Pairs;
use super::kernel::Kernel;
use super::step::Step;
use super::value::{Data, Fact, Whole};

pub fn compare(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => compare_of::<i8>(step),
        QuantType::S16 => compare_of::<i16>(step),
        _ => step.unsupported(),
    }
}

fn compare_of<T: Whole>(step: &Step) -> Result<Kernel> {
    let (a, b) = (step.whole::<T>(0)?, step.whole::<T>(1)?);
    if a.exponent() != b.exponent() {
        bail!("exponents {} and {}, but the chip compares integers as they are", a.exponent(), b.exponent());
    }
    let pairs = Pairs::new(&a.dims, &b.dims)?;
    let holds: fn(T, T) -> bool = match step.node.op.as_str() {
        "Equal" => |x, y| x == y,
        "Greater" => |x, y| x > y,
        "GreaterOrEqual" => |x, y| x >= y,
        "Less" => |x, y| x < y,
        "LessOrEqual" => |x, y| x <= y,
        _ => return step.unsupported(),
    };
    let declared = step.output()?;
    if declared.data_type != DataType::Bool {
        bail!("its output is declared {}, it makes {}", declared.data_type.name(), DataType::Bool.name());
    }
    let fact = Fact::made(DataType::Bool, pairs.dims.clone(), declared.exponent);
    Ok(Kernel::new(fact, move |inputs| {
        Ok(Data::Bool(pairs.each(inputs.whole::<T>(0)?, inputs.whole::<T>(1)?, |x, y| u8::from(holds(x, y)))))
    }))
}
