//! Operators of TensorFlow Lite by number, each translated to ONNX's; one family in a file.
//!
//! Numbers in calls of `Operator` are fields of the operator's options in the schema. Never: constants of the file, order
//! of axes of other operators' values.

mod binary;
mod conv;
mod conv_transpose;
mod dense;
mod dilated;
mod index;
mod integers;
mod join;
mod normalize;
mod pad;
mod pool;
mod recurrent;
mod reduce;
mod reshape;
mod resize;
mod slice;
mod unary;
mod upsample;
mod window;

use super::file::Operator;
use super::lowering::Lowering;
use crate::{Result, bail};

/// Translation of one operator.
pub type Lower = fn(&mut Lowering, &Operator) -> Result<()>;

/// Translates an operator, and sets its outputs.
pub fn lower(lowering: &mut Lowering, operator: &Operator) -> Result<()> {
    if lowering.is_joined(operator) || integers::fold(lowering, operator)? {
        return Ok(());
    }
    match find(operator.code) {
        Some(lower) => lower(lowering, operator),
        None => bail!("is not supported"),
    }
}

/// Returns the translation of an operator by its number.
pub fn find(code: u32) -> Option<Lower> {
    Some(match code {
        0 => binary::add,
        1 => pool::average,
        2 => join::concatenation,
        3 => conv::conv,
        4 => conv::depthwise,
        5 => resize::depth_to_space,
        6 => index::dequantize,
        8 => unary::floor,
        9 => dense::fully_connected,
        11 => normalize::l2,
        14 => unary::logistic,
        17 => pool::max,
        18 => binary::mul,
        19 => unary::relu,
        20 => unary::relu_n1_to_1,
        21 => unary::relu6,
        22 => reshape::reshape,
        23 => resize::bilinear,
        25 => normalize::softmax,
        26 => resize::space_to_depth,
        28 => unary::tanh,
        34 => pad::pad,
        36 => index::gather,
        37 => dilated::batch_to_space,
        38 => dilated::space_to_batch,
        39 => reshape::transpose,
        40 => reduce::mean,
        41 => binary::sub,
        42 => binary::div,
        43 => reshape::squeeze,
        44 => recurrent::lstm,
        45 => slice::strided_slice,
        47 => unary::exp,
        49 => join::split,
        50 => normalize::log_softmax,
        53 => index::cast,
        54 => unary::prelu,
        55 => binary::maximum,
        56 => index::arg_max,
        57 => binary::minimum,
        58 => binary::less,
        59 => unary::neg,
        60 => pad::pad,
        61 => binary::greater,
        62 => binary::greater_equal,
        63 => binary::less_equal,
        64 | 123 => index::select,
        65 => slice::slice,
        66 => unary::sin,
        67 => conv_transpose::transpose_conv,
        69 => join::tile,
        70 => reshape::expand_dims,
        71 => binary::equal,
        72 => binary::not_equal,
        73 => unary::log,
        74 => reduce::sum,
        75 => unary::sqrt,
        76 => unary::rsqrt,
        77 => index::shape,
        78 => binary::pow,
        79 => index::arg_min,
        81 => reduce::product,
        82 => reduce::maximum,
        83 => join::pack,
        84 => binary::or,
        86 => binary::and,
        87 => unary::not,
        88 => join::unpack,
        89 => reduce::minimum,
        90 => binary::floor_div,
        92 => unary::square,
        94 => index::fill,
        97 => resize::nearest,
        98 => unary::leaky_relu,
        99 => binary::squared_difference,
        100 => pad::mirror,
        101 => unary::abs,
        102 => join::split_v,
        104 => unary::ceil,
        105 => slice::reverse,
        106 => binary::add_n,
        108 => unary::cos,
        111 => unary::elu,
        116 => unary::round,
        117 => unary::hard_swish,
        124 => index::dequantize,
        126 => dense::batch_matmul,
        128 => index::cumsum,
        130 => join::broadcast_to,
        150 => unary::gelu,
        152 => unary::relu_0_to_1,
        158 => unary::sign,
        _ => return None,
    })
}

/// Returns the place of an axis that may be counted from the end.
fn axis(axis: i64, rank: usize) -> Result<usize> {
    match crate::graph::axes::from_front(axis, rank) {
        Some(axis) => Ok(axis),
        None => bail!("axis {axis} of {rank} dimensions"),
    }
}
