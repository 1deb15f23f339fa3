//! One operator per file: attributes, shape inference, float kernel, treatment by the quantizer, support and limits on
//! the chip.
//!
//! A file depends on its operator and the kernels it calls, and on no other operator. To add an operator, add a file
//! and a line in [`OPERATORS`]. Never: files, other operators, passes over a graph.

mod abs;
mod acos;
mod acosh;
mod add;
mod and;
mod arg;
mod arg_max;
mod arg_min;
mod asin;
mod asinh;
mod atan;
mod atanh;
pub mod average_pool;
mod axes;
mod batch_normalization;
mod broadcast;
mod cast;
mod ceil;
mod celu;
mod channel_groups;
mod clip;
mod concat;
mod constant;
mod constant_of_shape;
mod constant_result;
mod conv;
pub mod conv_transpose;
mod cos;
mod cosh;
mod cum_sum;
mod depth_to_space;
mod div;
mod dropout;
mod elementwise;
mod elu;
mod equal;
mod erf;
mod exp;
mod expand;
mod eye_like;
mod facts;
mod flatten;
mod floor;
mod gather;
mod gather_elements;
mod gather_index;
mod gather_nd;
mod gather_nd_index;
mod gelu;
mod gemm;
mod global_average_pool;
mod global_max_pool;
mod greater;
mod greater_or_equal;
mod group_normalization;
mod gru;
mod hard_sigmoid;
mod hard_swish;
mod identity;
mod insert_zeros;
mod instance_normalization;
mod interpolate;
mod is_inf;
mod is_nan;
mod layer_normalization;
pub mod layout;
mod leaky_relu;
mod less;
mod less_or_equal;
mod limits;
mod log;
mod log_softmax;
mod lp_normalization;
mod lstm;
mod matmul;
mod max;
mod max_pool;
mod mean;
mod min;
mod mish;
mod mod_;
mod mul;
mod neg;
mod non_zero;
mod normalize_rows;
mod not;
mod one_hot;
mod operands;
mod or;
mod pad;
mod pow;
mod prelu;
mod range;
mod reciprocal;
pub mod recurrent;
mod reduce;
mod reduce_l1;
mod reduce_l2;
mod reduce_log_sum;
mod reduce_log_sum_exp;
mod reduce_max;
mod reduce_mean;
mod reduce_min;
mod reduce_prod;
mod reduce_sum;
mod reduce_sum_square;
mod relu;
mod reshape;
mod reshaped;
pub mod resize;
mod reverse_sequence;
mod rms_normalization;
mod rnn;
mod round;
mod scatter;
mod scatter_elements;
mod scatter_nd;
mod selu;
mod shape;
mod sigmoid;
mod sign;
mod sin;
mod sinh;
mod size;
mod slice;
mod softmax;
mod softplus;
mod softsign;
mod space_to_depth;
mod spatial;
mod split;
mod sqrt;
mod squeeze;
mod sub;
mod sum;
mod swish;
mod tan;
mod tanh;
mod thresholded_relu;
mod tile;
mod top_k;
mod transpose;
mod treatment;
mod trilu;
mod unsqueeze;
mod upsample;
mod where_;
mod written;
mod xor;

#[cfg(test)]
mod tests;

pub use facts::{Call, Fact, input_facts};
pub use limits::exponents::{SHIFT, exponentials_overflow};
pub use limits::spatial::{BATCH, counts_one_too_many, has_pointwise_kernel};
pub use treatment::{Role, Shared, Treatment, Weights};

use crate::Result;
use crate::chip::{Chip, Limit, Support};
use crate::graph::Tensor;

/// Prepared operator: attributes read, constant weights packed. Threads share it.
pub trait Kernel: Send + Sync {
    /// Computes one output per port, in order. Inputs are passed by value: the owner of the last reference may write in
    /// place. Shapes are those of the `Call` it was prepared for. Constant inputs are passed, too, if the kernel reads them.
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>>;

    /// Returns `false` for a constant input that the kernel has packed, so that it is not in memory twice.
    fn reads(&self, _port: usize) -> bool {
        true
    }

    /// Returns `true` if [`Kernel::run_clamped`] is implemented: the kernel applies a following Relu or Clip in its
    /// last pass over the output. The same prepared kernel serves both ways.
    fn can_clamp(&self) -> bool {
        false
    }

    /// Like `run`, with every element of the first output clamped to `[low, high]`.
    fn run_clamped(&self, _inputs: Vec<Option<Tensor>>, _low: f32, _high: f32) -> Result<Vec<Tensor>> {
        crate::bail!("this kernel does not support a fused clamp")
    }
}

/// Line of the operator table.
pub struct Operator {
    /// ONNX operator type.
    pub name: &'static str,
    /// Ports that the quantizer gives scales, and the scales that they share.
    pub treatment: Treatment,
    /// Support by ESP-DL 3.3.9.
    pub chip: Support,
    /// Infers facts of the outputs from those of the inputs. `constant` may be set if the result is determined by
    /// shapes (Shape, Size); folding belongs to `simplify`.
    pub infer: fn(&Call) -> Result<Vec<Fact>>,
    /// Prepares the float kernel. Fails if the inputs or the attributes do not fit the operator.
    pub prepare: fn(&Call) -> Result<Box<dyn Kernel>>,
}

/// Every operator that espq runs, by name.
pub static OPERATORS: &[&Operator] = &[
    &abs::OPERATOR,
    &acos::OPERATOR,
    &acosh::OPERATOR,
    &add::OPERATOR,
    &and::OPERATOR,
    &arg_max::OPERATOR,
    &arg_min::OPERATOR,
    &asin::OPERATOR,
    &asinh::OPERATOR,
    &atan::OPERATOR,
    &atanh::OPERATOR,
    &average_pool::OPERATOR,
    &batch_normalization::OPERATOR,
    &cast::OPERATOR,
    &ceil::OPERATOR,
    &celu::OPERATOR,
    &clip::OPERATOR,
    &concat::OPERATOR,
    &constant::OPERATOR,
    &constant_of_shape::OPERATOR,
    &conv::OPERATOR,
    &conv_transpose::OPERATOR,
    &cos::OPERATOR,
    &cosh::OPERATOR,
    &cum_sum::OPERATOR,
    &depth_to_space::OPERATOR,
    &div::OPERATOR,
    &dropout::OPERATOR,
    &elu::OPERATOR,
    &equal::OPERATOR,
    &erf::OPERATOR,
    &exp::OPERATOR,
    &expand::OPERATOR,
    &eye_like::OPERATOR,
    &flatten::OPERATOR,
    &floor::OPERATOR,
    &gather::OPERATOR,
    &gather_elements::OPERATOR,
    &gather_nd::OPERATOR,
    &gelu::OPERATOR,
    &gemm::OPERATOR,
    &global_average_pool::OPERATOR,
    &global_max_pool::OPERATOR,
    &greater::OPERATOR,
    &greater_or_equal::OPERATOR,
    &group_normalization::OPERATOR,
    &gru::OPERATOR,
    &hard_sigmoid::OPERATOR,
    &hard_swish::OPERATOR,
    &identity::OPERATOR,
    &insert_zeros::OPERATOR,
    &instance_normalization::OPERATOR,
    &is_inf::OPERATOR,
    &is_nan::OPERATOR,
    &layer_normalization::OPERATOR,
    &leaky_relu::OPERATOR,
    &less::OPERATOR,
    &less_or_equal::OPERATOR,
    &log::OPERATOR,
    &log_softmax::OPERATOR,
    &lp_normalization::OPERATOR,
    &lstm::OPERATOR,
    &matmul::OPERATOR,
    &max::OPERATOR,
    &max_pool::OPERATOR,
    &mean::OPERATOR,
    &min::OPERATOR,
    &mish::OPERATOR,
    &mod_::OPERATOR,
    &mul::OPERATOR,
    &neg::OPERATOR,
    &non_zero::OPERATOR,
    &not::OPERATOR,
    &one_hot::OPERATOR,
    &or::OPERATOR,
    &pad::OPERATOR,
    &pow::OPERATOR,
    &prelu::OPERATOR,
    &range::OPERATOR,
    &reciprocal::OPERATOR,
    &reduce_l1::OPERATOR,
    &reduce_l2::OPERATOR,
    &reduce_log_sum::OPERATOR,
    &reduce_log_sum_exp::OPERATOR,
    &reduce_max::OPERATOR,
    &reduce_mean::OPERATOR,
    &reduce_min::OPERATOR,
    &reduce_prod::OPERATOR,
    &reduce_sum::OPERATOR,
    &reduce_sum_square::OPERATOR,
    &relu::OPERATOR,
    &reshape::OPERATOR,
    &resize::OPERATOR,
    &reverse_sequence::OPERATOR,
    &rms_normalization::OPERATOR,
    &rnn::OPERATOR,
    &round::OPERATOR,
    &scatter_elements::OPERATOR,
    &scatter_nd::OPERATOR,
    &selu::OPERATOR,
    &shape::OPERATOR,
    &sigmoid::OPERATOR,
    &sign::OPERATOR,
    &sin::OPERATOR,
    &sinh::OPERATOR,
    &size::OPERATOR,
    &slice::OPERATOR,
    &softmax::OPERATOR,
    &softplus::OPERATOR,
    &softsign::OPERATOR,
    &space_to_depth::OPERATOR,
    &split::OPERATOR,
    &sqrt::OPERATOR,
    &squeeze::OPERATOR,
    &sub::OPERATOR,
    &sum::OPERATOR,
    &swish::OPERATOR,
    &tan::OPERATOR,
    &tanh::OPERATOR,
    &thresholded_relu::OPERATOR,
    &tile::OPERATOR,
    &top_k::OPERATOR,
    &transpose::OPERATOR,
    &trilu::OPERATOR,
    &unsqueeze::OPERATOR,
    &upsample::OPERATOR,
    &where_::OPERATOR,
    &xor::OPERATOR,
];

/// Finds the operator of an ONNX type; `None` if espq does not support it.
pub fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.name == name).copied()
}

/// Finds the support by ESP-DL's runtime of an operator, either ONNX's or one that an exporter writes; `None` if it is
/// not supported.
pub fn on_chip(name: &str) -> Option<&'static Chip> {
    let written = || written::WRITTEN.iter().find(|(written, _)| *written == name).map(|(_, chip)| chip);
    find(name).map_or_else(written, |operator| operator.chip.chip())
}

/// Lists the operators that ESP-DL's runtime supports, ONNX's and those that an exporter writes, by name.
pub fn all_on_chip() -> impl Iterator<Item = (&'static str, &'static Chip)> {
    let own = OPERATORS.iter().filter_map(|operator| Some((operator.name, operator.chip.chip()?)));
    let mut all: Vec<_> = own.chain(written::WRITTEN.iter().map(|(name, chip)| (*name, chip))).collect();
    all.sort_unstable_by_key(|(name, _)| *name);
    all.into_iter()
}

/// Lists every limit of these operators once, by name.
pub fn all_limits() -> Vec<&'static Limit> {
    let mut limits: Vec<&Limit> = all_on_chip().flat_map(|(_, chip)| chip.limits).copied().collect();
    limits.sort_unstable_by_key(|limit| limit.name);
    limits.dedup_by_key(|limit| limit.name);
    limits
}
