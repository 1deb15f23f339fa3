//! Operators of ATen by name, each lowered to the nodes that PyTorch's exporter makes of it; one family in a file.
//!
//! Where the exporter computes a shape at run time, these nodes are there, too: onnxsim folds them, and how often it goes
//! over the graph depends on them. Never: names of layers.

mod activation;
mod attention;
mod binary;
mod compare;
mod constants;
mod conv;
mod dense;
mod gelu;
mod index;
mod join;
mod normalize;
mod pad;
mod pool;
mod recurrent;
mod reduce;
mod reshape;
mod resize;
mod shape;
mod shuffle;
mod slice;
mod transpose;
mod unary;
mod unfold;
pub mod write;

use foldhash::HashMap;

use super::lowering::{Call, Lowering};
use super::schema::Node;
use crate::Result;

/// Lowering of one operator.
pub type Lower = for<'a> fn(&mut Lowering<'a>, Call<'a>) -> Result<()>;

/// Operator that espq reads.
#[derive(Clone, Copy)]
pub struct Operator {
    pub lower: Lower,
    /// Set if the output is a part of the first input, or has the same memory.
    pub shares: bool,
    /// Set if the result is written into the first input.
    pub writes: bool,
}

/// Returns the operators of nodes; `None` for those that espq does not read. Most nodes have one of a few targets.
pub fn of(nodes: &[Node]) -> Vec<Option<Operator>> {
    let mut known: HashMap<&str, Option<Operator>> = HashMap::default();
    nodes.iter().map(|node| *known.entry(&node.target).or_insert_with(|| find(&node.target))).collect()
}

/// Returns an operator by the target of a node.
fn find(target: &str) -> Option<Operator> {
    let name = target.strip_prefix("torch.ops.aten.")?;
    let (base, overload) = name.split_once('.')?;
    let plain = base.strip_suffix('_').filter(|_| !base.starts_with("__"));
    let lower = by_name(&format!("{}.{overload}", plain.unwrap_or(base)))?;
    Some(Operator { lower, shares: shares(base), writes: plain.is_some() && !matches!(base, "dropout_" | "detach_") })
}

/// Tells operators whose result may be a part of the memory of their input.
fn shares(base: &str) -> bool {
    matches!(
        base,
        "view"
            | "reshape"
            | "flatten"
            | "unflatten"
            | "squeeze"
            | "unsqueeze"
            | "transpose"
            | "permute"
            | "movedim"
            | "t"
            | "swapaxes"
            | "slice"
            | "select"
            | "narrow"
            | "split"
            | "split_with_sizes"
            | "chunk"
            | "unbind"
            | "expand"
            | "expand_as"
            | "view_as"
            | "reshape_as"
            | "contiguous"
            | "alias"
            | "detach"
            | "to"
            | "dropout"
            | "dropout_"
            | "detach_"
            | "feature_dropout"
            | "alpha_dropout"
            | "type_as"
            | "unsafe_chunk"
            | "unsafe_split"
            | "_unsafe_view"
    )
}

fn by_name(name: &str) -> Option<Lower> {
    Some(match name {
        "abs.default" => unary::abs,
        "ceil.default" => unary::ceil,
        "cos.default" => unary::cos,
        "erf.default" => unary::erf,
        "exp.default" => unary::exp,
        "floor.default" => unary::floor,
        "log.default" => unary::log,
        "logical_not.default" | "bitwise_not.default" => unary::not,
        "neg.default" => unary::neg,
        "reciprocal.default" => unary::reciprocal,
        "round.default" => unary::round,
        "rsqrt.default" => unary::rsqrt,
        "sigmoid.default" => unary::sigmoid,
        "sign.default" => unary::sign,
        "sin.default" => unary::sin,
        "sqrt.default" => unary::sqrt,
        "square.default" => unary::square,
        "tanh.default" => unary::tanh,
        "alias.default" => slice::alias,
        "clone.default"
        | "contiguous.default"
        | "detach.default"
        | "dropout.default"
        | "alpha_dropout.default"
        | "feature_dropout.default"
        | "feature_alpha_dropout.default"
        | "lift_fresh_copy.default"
        | "lift_fresh.default"
        | "positive.default"
        | "native_dropout.default" => unary::same,
        "to.dtype" | "to.dtype_layout" | "to.device" | "to.other" | "type_as.default" | "_to_copy.default" => {
            unary::cast
        }
        "celu.default" => activation::celu,
        "clamp.default" | "clip.default" => activation::clamp,
        "clamp_max.default" => activation::clamp,
        "clamp_min.default" => activation::clamp,
        "elu.default" => activation::elu,
        "gelu.default" => gelu::gelu,
        "glu.default" => activation::glu,
        "hardsigmoid.default" => activation::hardsigmoid,
        "hardswish.default" => activation::hardswish,
        "hardtanh.default" => activation::hardtanh,
        "leaky_relu.default" => activation::leaky_relu,
        "log_sigmoid.default" => activation::log_sigmoid,
        "mish.default" => activation::mish,
        "prelu.default" => activation::prelu,
        "relu.default" => activation::relu,
        "relu6.default" => activation::relu6,
        "selu.default" => activation::selu,
        "silu.default" => activation::silu,
        "softplus.default" => activation::softplus,
        "softsign.default" => activation::softsign,
        "threshold.default" => activation::threshold,
        "add.Tensor" | "add.Scalar" => binary::add,
        "addcmul.default" => binary::addcmul,
        "addcdiv.default" => binary::addcdiv,
        "div.Tensor" | "div.Scalar" | "true_divide.Tensor" => binary::div,
        "div.Tensor_mode" | "div.Scalar_mode" => binary::div_rounded,
        "floor_divide.default" | "floor_divide.Scalar" => binary::floor_divide,
        "lerp.Scalar" | "lerp.Tensor" => binary::lerp,
        "maximum.default" | "max.other" | "clamp_min.Tensor" => binary::maximum,
        "minimum.default" | "min.other" | "clamp_max.Tensor" => binary::minimum,
        "mul.Tensor" | "mul.Scalar" => binary::mul,
        "pow.Scalar" | "pow.Tensor_Scalar" | "pow.Tensor_Tensor" => binary::pow,
        "remainder.Scalar" | "remainder.Tensor" => binary::remainder,
        "rsub.Scalar" | "rsub.Tensor" => binary::rsub,
        "sub.Tensor" | "sub.Scalar" => binary::sub,
        "bitwise_and.Tensor" | "logical_and.default" | "__and__.Tensor" => compare::and,
        "bitwise_or.Tensor" | "logical_or.default" | "__or__.Tensor" => compare::or,
        "eq.Scalar" | "eq.Tensor" => compare::equal,
        "ge.Scalar" | "ge.Tensor" => compare::greater_or_equal,
        "gt.Scalar" | "gt.Tensor" => compare::greater,
        "le.Scalar" | "le.Tensor" => compare::less_or_equal,
        "lt.Scalar" | "lt.Tensor" => compare::less,
        "masked_fill.Scalar" | "masked_fill.Tensor" => compare::masked_fill,
        "ne.Scalar" | "ne.Tensor" => compare::not_equal,
        "where.ScalarOther" | "where.ScalarSelf" | "where.Scalar" | "where.self" => compare::choose,
        "arange.default" | "arange.start" | "arange.start_step" => constants::arange,
        "eye.default" | "eye.m" => constants::eye,
        "full.default" | "full_like.default" | "new_full.default" => constants::full,
        "ones.default" | "ones_like.default" | "new_ones.default" => constants::ones,
        "scalar_tensor.default" => constants::scalar_tensor,
        "zeros.default"
        | "zeros_like.default"
        | "new_zeros.default"
        | "empty.memory_format"
        | "new_empty.default"
        | "empty_like.default" => constants::zeros,
        "conv1d.default" | "conv2d.default" | "conv1d.padding" | "conv2d.padding" => conv::conv,
        "conv_transpose1d.default" | "conv_transpose2d.input" => conv::conv_transpose,
        "convolution.default" => conv::convolution,
        "addmm.default" => dense::addmm,
        "baddbmm.default" => dense::baddbmm,
        "bmm.default" | "matmul.default" => dense::matmul,
        "einsum.default" => dense::einsum,
        "linear.default" => dense::linear,
        "mm.default" => dense::mm,
        "scaled_dot_product_attention.default" => attention::attention,
        "embedding.default" => index::embedding,
        "gather.default" => index::gather,
        "index.Tensor" => index::index,
        "index_select.default" => index::index_select,
        "cat.default" | "concat.default" | "concatenate.default" => join::cat,
        "chunk.default" | "unsafe_chunk.default" => join::chunk,
        "meshgrid.indexing" | "meshgrid.default" => join::meshgrid,
        "split.Tensor" | "split.default" | "split.sizes" | "split_with_sizes.default" | "unsafe_split.Tensor" => {
            join::split
        }
        "stack.default" => join::stack,
        "unbind.int" => join::unbind,
        "batch_norm.default" | "_native_batch_norm_legit_no_training.default" => normalize::batch_norm,
        "group_norm.default" => normalize::group_norm,
        "instance_norm.default" => normalize::instance_norm,
        "layer_norm.default" => normalize::layer_norm,
        "log_softmax.int" | "_log_softmax.default" => normalize::log_softmax,
        "rms_norm.default" => normalize::rms_norm,
        "softmax.int" | "_softmax.default" => normalize::softmax,
        "constant_pad_nd.default" => pad::constant,
        "pad.default" => pad::pad,
        "reflection_pad1d.default" | "reflection_pad2d.default" => pad::reflect,
        "replication_pad1d.default" | "replication_pad2d.default" => pad::replicate,
        "adaptive_avg_pool1d.default" | "adaptive_avg_pool2d.default" | "_adaptive_avg_pool2d.default" => {
            pool::adaptive_average
        }
        "adaptive_max_pool1d.default" | "adaptive_max_pool2d.default" => pool::adaptive_max,
        "avg_pool1d.default" | "avg_pool2d.default" => pool::average,
        "max_pool1d.default" | "max_pool2d.default" | "max_pool2d_with_indices.default" => pool::max,
        "gru.input" => recurrent::gru,
        "lstm.input" => recurrent::lstm,
        "rnn_relu.input" => recurrent::rnn_relu,
        "rnn_tanh.input" => recurrent::rnn_tanh,
        "amax.default" => reduce::maximum,
        "amin.default" => reduce::minimum,
        "argmax.default" => reduce::arg_max,
        "argmin.default" => reduce::arg_min,
        "cumsum.default" => reduce::cumsum,
        "linalg_vector_norm.default" | "norm.ScalarOpt_dim" => reduce::vector_norm,
        "max.default" => reduce::maximum,
        "max.dim" => reduce::max_of_dim,
        "mean.default" | "mean.dim" => reduce::mean,
        "min.default" => reduce::minimum,
        "min.dim" => reduce::min_of_dim,
        "prod.default" | "prod.dim_int" => reduce::product,
        "std.correction" | "std.dim" => reduce::deviation,
        "sum.default" | "sum.dim_IntList" => reduce::sum,
        "topk.default" => reduce::topk,
        "var.correction" | "var.dim" => reduce::variance,
        "broadcast_to.default" | "expand.default" => reshape::expand,
        "expand_as.default" => reshape::expand_as,
        "flatten.using_ints" => reshape::flatten,
        "repeat.default" => reshape::repeat,
        "repeat_interleave.self_int" => reshape::repeat_interleave,
        "reshape.default" | "view.default" | "_unsafe_view.default" => reshape::reshape,
        "reshape_as.default" | "view_as.default" => reshape::reshape_as,
        "squeeze.default" | "squeeze.dim" | "squeeze.dims" => reshape::squeeze,
        "tile.default" => reshape::repeat,
        "unflatten.int" => reshape::unflatten,
        "unsqueeze.default" => reshape::unsqueeze,
        "upsample_bicubic2d.vec" | "upsample_bicubic2d.default" => resize::bicubic,
        "_upsample_bicubic2d_aa.vec" | "_upsample_bilinear2d_aa.vec" => resize::antialiased,
        "upsample_bilinear2d.vec" | "upsample_bilinear2d.default" | "upsample_linear1d.vec" => resize::linear,
        "upsample_nearest1d.vec" | "upsample_nearest2d.vec" | "upsample_nearest2d.default" => resize::nearest,
        "channel_shuffle.default" | "native_channel_shuffle.default" => shuffle::channel_shuffle,
        "pixel_shuffle.default" => shuffle::pixel_shuffle,
        "pixel_unshuffle.default" => shuffle::pixel_unshuffle,
        "flip.default" => slice::flip,
        "narrow.default" => slice::narrow,
        "roll.default" => slice::roll,
        "select.int" => slice::select,
        "slice.Tensor" => slice::slice,
        "adjoint.default" | "mT.default" | "t.default" | "numpy_T.default" => transpose::t,
        "movedim.int" | "movedim.intlist" | "moveaxis.int" => transpose::movedim,
        "permute.default" => transpose::permute,
        "transpose.int" | "swapaxes.default" | "swapdims.default" => transpose::transpose,
        "im2col.default" => unfold::im2col,
        "copy.default" => write::copy,
        "fill.Scalar" | "fill.Tensor" | "zero.default" => write::fill,
        "select_scatter.default" | "slice_scatter.default" => write::scatter,
        _ => return None,
    })
}
