//! Equal, Greater, GreaterOrEqual, Less, LessOrEqual: on integers without rescaling (`dl_base_greater.cpp` and similar
//! files).
//!
//! Never: floats, for which the loader creates no module.

use crate::chip::QuantType;
use crate::espdl::DataType;
use crate::{Result, bail};

use super::broadcast::Pairs;
use super::kernel::Kernel;
use super::node_context::Step;
use super::value::{Data, Fact, QuantizedInteger};

pub fn compare(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => compare_of::<i8>(step),
        QuantType::S16 => compare_of::<i16>(step),
        _ => step.unsupported(),
    }
}

fn compare_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let (a, b) = (step.quantized::<T>(0)?, step.quantized::<T>(1)?);
    if a.exponent() != b.exponent() {
        bail!("exponents {} and {}, but the chip compares integers unscaled", a.exponent(), b.exponent());
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
        bail!("its output is declared {}, but it makes {}", declared.data_type.name(), DataType::Bool.name());
    }
    let fact = Fact::made(DataType::Bool, pairs.dims.clone(), declared.exponent);
    Ok(Kernel::new(fact, move |inputs| {
        Ok(Data::Bool(pairs.each(inputs.quantized::<T>(0)?, inputs.quantized::<T>(1)?, |x, y| u8::from(holds(x, y)))))
    }))
}
