//! Sum: sum of all inputs. <https://onnx.ai/onnx/operators/onnx__Sum.html>

use super::elementwise::binary;
use super::{Shared, Treatment};
use crate::chip::Support;

binary!(
    "Sum",
    Treatment { shared: Shared::Output, ..Treatment::FLOAT },
    Support::Lacks { instead: Some("replace it by a chain of Add") },
    |x, y| x + y,
    |i, j| i.wrapping_add(j)
);
