//! Pow and Mod, which are floats at every width (`dl_base_pow.cpp`, `dl_base_mod.cpp`).
//!
//! The chip's `powf` is its C library's; its last bit may differ from the one here.
//!
//! Never: Mod with the divisor's sign: the attribute `fmod` is not looked at.

use crate::Result;
use crate::chip::QuantType;

use super::broadcast::Pairs;
use super::kernel::Kernel;
use super::round::{finite, round, scale};
use super::step::Step;
use super::value::Whole;

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

fn powers_of<T: Whole>(step: &Step) -> Result<Kernel> {
    let (a, b) = (step.whole::<T>(0)?, step.whole::<T>(1)?);
    let (pairs, function) = (Pairs::new(&a.dims, &b.dims)?, named(step)?);
    let (enter_a, enter_b, leave) = (scale(a.exponent()), scale(b.exponent()), scale(-step.exponent()?));
    let family = step.family();
    step.makes(pairs.dims.clone(), move |inputs| {
        let power = |x: T, y: T| {
            let power = function(f32::from(x.short()) * enter_a, f32::from(y.short()) * enter_b);
            Ok(T::clamp_from(round(finite(power)? * leave, family)))
        };
        pairs.each(inputs.whole::<T>(0)?, inputs.whole::<T>(1)?, power).into_iter().collect()
    })
}

fn named(step: &Step) -> Result<fn(f32, f32) -> f32> {
    Ok(match step.node.op.as_str() {
        "Pow" => libm::powf,
        // A divisor of 0 leaves 0.
        "Mod" => |x, y| if y == 0.0 { 0.0 } else { libm::fmodf(x, y) },
        _ => return step.unsupported(),
    })
}
