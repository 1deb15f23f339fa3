//! Clip: limits to min and max, which are attributes before operator set 11 and inputs since.
//! <https://onnx.ai/onnx/operators/onnx__Clip.html>

use super::elementwise::{infer_same, map, take};
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Effect, Family, Limit, Scheme, Support, Table};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Clip",
    treatment: Treatment { float_inputs: &[1, 2], bounds: &[1, 2], clamps: true, ..Treatment::PLAIN },
    chip: Support::Runs(&Chip {
        axes: Axes::Any,
        table: Table::Int8,
        limits: &[&OPEN_BELOW],
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare,
};

/// `numeric_limits<float>::min()` is the default of the lower bound.
pub static OPEN_BELOW: Limit = Limit {
    name: "clip-without-lower-bound",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let is_open = node.scheme() == Some(Scheme::Float) && node.input(1).is_none() && node.input(2).is_some();
        Ok(is_open.then(|| {
            "float Clip without a lower bound: the chip uses the smallest positive float, so that negative values become 0"
                .to_string()
        }))
    },
    help: "set a lower bound (-3.4e38 for none), or give the layer int8 or int16",
    source: "dl_module_clip.hpp",
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Clip { min: call.attributes.float("min"), max: call.attributes.float("max") }))
}

struct Clip {
    min: Option<f32>,
    max: Option<f32>,
}

impl Kernel for Clip {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        macro_rules! clip {
            ($($variant:ident $type:ty),*) => {
                match &x {
                    $(Tensor::$variant(_) => {
                        let bound = |port: usize, attribute: Option<f32>| {
                            let input = inputs.get(port).and_then(Option::as_ref);
                            let given = input.and_then(|t| t.slice::<$type>()).and_then(|s| s.first().copied());
                            given.or(attribute.map(|a| a as $type))
                        };
                        let (min, max) = (bound(1, self.min), bound(2, self.max));
                        map::<$type>(x, |v| {
                            // Comparisons in this form keep NaN, and max wins if min is above it.
                            let v = match min { Some(m) if v < m => m, _ => v };
                            match max { Some(m) if v > m => m, _ => v }
                        })?
                    })*
                    other => bail!("Clip does not take {}", other.data_type().name()),
                }
            };
        }
        Ok(vec![clip!(F32 f32, F64 f64, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64)])
    }
}
