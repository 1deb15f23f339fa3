//! Lookup table of a 16-bit activation in ESP-DL.
//!
//! `dl_module_lut.hpp` of ESP-DL, and `HardwareEmulator` of esp-ppq (`executor/op/torch/espdl_lut.py`): 65536 / step +
//! 1 entries, of which the nearest is used.

use std::sync::Arc;

use crate::chip::Rounding;
use crate::graph::{DataType, Node, Tensor};
use crate::kernels::rounding::quantize;
use crate::ops::{self, Call, Fact, Kernel};
use crate::{Error, Result, bail};

/// `LUTOptimizationSetting.step` of esp-ppq: 2,049 entries.
const STEP: i32 = 32;
const BITS: u32 = 16;

struct Lut {
    /// Output values in float.
    table: Vec<f32>,
    input_exponent: i32,
    rounding: Rounding,
}

/// Makes the table of an activation node between two scales.
pub fn lut(
    node: &Node,
    opset: i64,
    input_exponent: i32,
    output_exponent: i32,
    rounding: Rounding,
) -> Result<Arc<dyn Kernel>> {
    let scale = (f64::from(input_exponent)).exp2() as f32;
    let points: Vec<f32> = (-32768..=32768).step_by(STEP as usize).map(|q| q as f32 * scale).collect();
    let operator =
        ops::find(&node.op).ok_or_else(|| Error::new(format!("the operator {} is not supported by espq", node.op)))?;
    let inputs = [Some(Fact::new(DataType::F32, vec![points.len()]))];
    let call = Call { attributes: &node.attributes, opset, inputs: &inputs, outputs: 1 };
    let values = (operator.prepare)(&call)?.run(vec![Some(Tensor::new(&[points.len()], points)?)])?;
    let Some(values) = values.first().and_then(|t| t.slice::<f32>()) else {
        bail!("{} does not compute float32", node.op);
    };
    let integers: Vec<i32> = quantize(values, output_exponent, BITS, rounding);
    let step = (f64::from(output_exponent)).exp2() as f32;
    Ok(Arc::new(Lut { table: integers.into_iter().map(|i| i as f32 * step).collect(), input_exponent, rounding }))
}

impl Lut {
    fn look_up(&self, x: f64) -> f32 {
        let round = |v: f64| match self.rounding {
            Rounding::HalfEven => v.round_ties_even(),
            Rounding::HalfUp => (v + 0.5).floor(),
        };
        let q = round(x / f64::from(self.input_exponent).exp2()).clamp(-32768.0, 32767.0);
        let index = round((q + 32768.0) / f64::from(STEP));
        // NaN becomes 0; other values are within the table because of the clamp above.
        self.table[index as usize]
    }
}

impl Kernel for Lut {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let Some(Some(x)) = inputs.first() else { bail!("input 0 is missing") };
        let values: Vec<f32> = match x {
            Tensor::F32(a) => a.iter().map(|&v| self.look_up(v.into())).collect(),
            Tensor::F64(a) => a.iter().map(|&v| self.look_up(v)).collect(),
            other => bail!("a lookup table takes floats, not {}", other.data_type().name()),
        };
        Ok(vec![Tensor::new(x.shape(), values)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attributes;

    fn tanh(rounding: Rounding, x: &[f32]) -> Vec<f32> {
        let node = Node {
            name: "tanh".into(),
            op: "Tanh".into(),
            domain: String::new(),
            attributes: Attributes::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        let kernel = lut(&node, 18, -12, -15, rounding).unwrap();
        let out = kernel.run(vec![Some(Tensor::new(&[x.len()], x.to_vec()).unwrap())]).unwrap();
        out[0].slice::<f32>().unwrap().iter().map(|v| v * 32768.0).collect()
    }

    #[test]
    fn takes_the_nearest_entry_by_the_targets_rounding() {
        // Inputs in steps of 2^-12. Input 16 is midway between entries 0 and 32: half to even selects the
        // even entry 1024 (x = 0), half up the next. tanh(32 / 4096) = 0.0078123; times 32768 is 255.99.
        let x = [0.0, 15.0, 16.0, 17.0, 32.0, 48.0].map(|q: f32| q / 4096.0);
        assert_eq!(tanh(Rounding::HalfEven, &x), [0.0, 0.0, 0.0, 256.0, 256.0, 512.0]);
        assert_eq!(tanh(Rounding::HalfUp, &x), [0.0, 0.0, 256.0, 256.0, 256.0, 512.0]);
    }

    #[test]
    fn saturates_at_both_ends() {
        assert_eq!(tanh(Rounding::HalfEven, &[100.0, -100.0]), [32767.0, -32768.0]);
    }
}
