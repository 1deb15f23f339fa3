//! Functions of one float: operators without a table in the loader, or for which it uses none (`dl_module_sigmoid.hpp`,
//! `dl_module_exp.hpp` and similar files). Integer inputs are converted to float, and outputs are rounded.
//!
//! The chip uses `expf` and `logf` of its C library, whose last bit may differ from those used here.
//!
//! Never: tables.

use crate::Result;
use crate::chip::QuantType;

use super::kernel::Kernel;
use super::node_context::Step;
use super::round::{finite, round, scale};
use super::value::QuantizedInteger;

/// `dl::math::sigmoid`: the division is in double.
pub fn sigmoid(x: f32) -> f32 {
    (1.0 / (1.0 + f64::from(libm::expf(-x)))) as f32
}

pub fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

pub fn function(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => function_of::<i8>(step),
        QuantType::S16 => function_of::<i16>(step),
        _ => {
            let (input, function) = (step.floats(0)?, named(step)?);
            Ok(step.makes_floats(input.dims.clone(), move |inputs| {
                Ok(inputs.floats(0)?.iter().map(|&x| function(x)).collect())
            }))
        }
    }
}

fn function_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let (input, function) = (step.quantized::<T>(0)?, named(step)?);
    let (enter, leave, family) = (scale(input.exponent())?, scale(-step.exponent()?)?, step.family());
    step.makes(input.dims.clone(), move |inputs| {
        let one = |x: &T| {
            let y = finite(function(f32::from(x.short()) * enter))?;
            Ok(T::clamp_from(round(y * leave, family)))
        };
        inputs.quantized::<T>(0)?.iter().map(one).collect()
    })
}

type Function = Box<dyn Fn(f32) -> f32 + Send + Sync>;

fn named(step: &Step) -> Result<Function> {
    Ok(match step.node.op.as_str() {
        "Sigmoid" => Box::new(sigmoid),
        "Tanh" => Box::new(tanh),
        "Swish" => Box::new(|x| sigmoid(x) * x),
        "Exp" => Box::new(libm::expf),
        "Log" => Box::new(libm::logf),
        "Sqrt" => Box::new(f32::sqrt),
        "Elu" => {
            let alpha = step.float("alpha", 1.0)?;
            Box::new(move |x| if x >= 0.0 { x } else { alpha * (libm::expf(x) - 1.0) })
        }
        "LeakyRelu" => {
            let alpha = step.float("alpha", 0.01)?;
            Box::new(move |x| if x >= 0.0 { x } else { x * alpha })
        }
        "HardSigmoid" => {
            let (alpha, beta) = (step.float("alpha", 0.2)?, step.float("beta", 0.5)?);
            Box::new(move |x| (alpha * x + beta).clamp(0.0, 1.0))
        }
        // One sixth has six digits in the source, and is a double.
        "HardSwish" => Box::new(|x| {
            let x = f64::from(x);
            ((0.166667 * x + 0.5).clamp(0.0, 1.0) * x) as f32
        }),
        _ => return step.unsupported(),
    })
}
