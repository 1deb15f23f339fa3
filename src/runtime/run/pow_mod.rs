//! Pow and Mod, which are computed in float at every width (`dl_base_pow.cpp`, `dl_base_mod.cpp`).
//!
//! The chip uses `powf` of its C library, whose last bit may differ from the one used here.
//!
//! Never: Mod with the divisor's sign, since the chip ignores the attribute `fmod`.

use crate::Result;
use crate::chip::QuantType;

use super::broadcast::Pairs;
use super::kernel::Kernel;
use super::node_context::Step;
use super::round::{finite, round, scale};
use super::value::QuantizedInteger;

pub fn powers(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => powers_of::<i8>(step),
        QuantType::S16 => powers_of::<i16>(step),
        _ => {
            let pairs = Pairs::new(&step.floats(0)?.dims, &step.floats(1)?.dims)?;
            let (dims, function) = (pairs.dims.clone(), named(step)?);
            Ok(step.makes_floats(dims, move |inputs| Ok(pairs.each(inputs.floats(0)?, inputs.floats(1)?, function))))
        }
    }
}

fn powers_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let (a, b) = (step.quantized::<T>(0)?, step.quantized::<T>(1)?);
    let (pairs, function) = (Pairs::new(&a.dims, &b.dims)?, named(step)?);
    let (enter_a, enter_b, leave) = (scale(a.exponent())?, scale(b.exponent())?, scale(-step.exponent()?)?);
    let family = step.family();
    step.makes(pairs.dims.clone(), move |inputs| {
        let power = |x: T, y: T| {
            let power = function(f32::from(x.short()) * enter_a, f32::from(y.short()) * enter_b);
            Ok(T::clamp_from(round(finite(power)? * leave, family)))
        };
        pairs.each(inputs.quantized::<T>(0)?, inputs.quantized::<T>(1)?, power).into_iter().collect()
    })
}

fn named(step: &Step) -> Result<fn(f32, f32) -> f32> {
    Ok(match step.node.op.as_str() {
        "Pow" => libm::powf,
        // A divisor of 0 gives 0.
        "Mod" => |x, y| if y == 0.0 { 0.0 } else { libm::fmodf(x, y) },
        _ => return step.unsupported(),
    })
}
