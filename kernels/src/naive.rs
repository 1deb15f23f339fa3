//! Definitions of convolution and pooling, tap by tap: the reference of the fast kernels' tests.

use proptest::prelude::*;

use super::conv::ConvShape;
use super::window::Window;

/// Visits each (output, input) pair of a window, with the tap, by definition.
pub fn visit(w: &Window, mut each: impl FnMut(usize, usize, usize)) {
    let place = |[z, y, x]: [usize; 3], [_, b, c]: [usize; 3]| (z * b + y) * c + x;
    let all = |[a, b, c]: [usize; 3]| {
        (0..a).flat_map(move |z| (0..b).flat_map(move |y| (0..c).map(move |x| [z, y, x]))).collect::<Vec<_>>()
    };
    for out in all(w.output) {
        for tap in all(w.kernel) {
            let at: Vec<i64> =
                (0..3).map(|i| (out[i] * w.stride[i] + tap[i] * w.dilation[i]) as i64 - w.pad[i] as i64).collect();
            if (0..3).all(|i| at[i] >= 0 && at[i] < w.input[i] as i64) {
                let at = [at[0] as usize, at[1] as usize, at[2] as usize];
                each(place(out, w.output), place(tap, w.kernel), place(at, w.input));
            }
        }
    }
}

/// Convolution by its definition; shapes as in [`super::conv::Conv::run`].
pub fn conv(s: &ConvShape, w: &[f64], x: &[f64], bias: &[f64]) -> Vec<f64> {
    let (ins, outs, taps) = (s.window.inputs(), s.window.outputs(), s.window.taps());
    let mut y = Vec::new();
    for block in 0..s.batch * s.groups {
        for o in 0..s.group_outputs {
            let channel = block % s.groups * s.group_outputs + o;
            let mut plane = vec![bias[channel]; outs];
            for c in 0..s.group_inputs {
                let w = &w[(channel * s.group_inputs + c) * taps..];
                let x = &x[(block * s.group_inputs + c) * ins..];
                visit(&s.window, |out, tap, at| plane[out] += w[tap] * x[at]);
            }
            y.extend(plane);
        }
    }
    y
}

/// Transposed convolution by its definition; `s` is the shape of the convolution that it transposes.
pub fn conv_transpose(s: &ConvShape, w: &[f64], x: &[f64], bias: &[f64]) -> Vec<f64> {
    let (ins, outs, taps) = (s.window.outputs(), s.window.inputs(), s.window.taps());
    let mut y = Vec::new();
    for block in 0..s.batch * s.groups {
        let group = block % s.groups;
        for o in 0..s.group_inputs {
            let mut plane = vec![bias[group * s.group_inputs + o]; outs];
            for c in 0..s.group_outputs {
                let w = &w[((group * s.group_outputs + c) * s.group_inputs + o) * taps..];
                let x = &x[(block * s.group_outputs + c) * ins..];
                visit(&s.window, |out, tap, at| plane[at] += w[tap] * x[out]);
            }
            y.extend(plane);
        }
    }
    y
}

/// Random 8-bit integers: every sum of their products here is exact in float32.
pub fn whole(len: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((seed >> 33) % 255) as f64 - 127.0
    };
    (0..len).map(|_| next()).collect()
}

/// Windows of two or three spatial axes with at least one output, padding larger than the kernel included.
pub fn windows() -> impl Strategy<Value = Window> {
    let axis = || (1usize..20, 1usize..5, 1usize..4, 1usize..3, 0usize..6, 0usize..6);
    (prop_oneof![4 => Just(1usize), 1 => 2usize..4], [axis(), axis(), axis()]).prop_map(|(depth, axes)| {
        let mut w = Window {
            input: axes.map(|a| a.0),
            output: [0; 3],
            kernel: axes.map(|a| a.1),
            stride: axes.map(|a| a.2),
            dilation: axes.map(|a| a.3),
            pad: axes.map(|a| a.4),
            pad_end: axes.map(|a| a.5),
        };
        w.input[0] = depth;
        if depth == 1 {
            (w.kernel[0], w.stride[0], w.pad[0], w.pad_end[0]) = (1, 1, 0, 0);
        }
        for i in 0..3 {
            let extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
            let short = extent.saturating_sub(w.input[i] + w.pad[i] + w.pad_end[i]);
            w.pad_end[i] += short;
            w.output[i] = (w.input[i] + w.pad[i] + w.pad_end[i] - extent) / w.stride[i] + 1;
        }
        w
    })
}

/// Planes under square windows, as in depthwise convolutions; some wider than a vector.
fn squares() -> impl Strategy<Value = Window> {
    (prop_oneof![Just(3usize), Just(5)], 1usize..3, 1usize..40, 1usize..40, [0usize..6, 0usize..6]).prop_filter_map(
        "no output",
        |(k, stride, height, width, pads)| {
            let mut w = Window {
                input: [1, height, width],
                output: [1; 3],
                kernel: [1, k, k],
                stride: [1, stride, stride],
                dilation: [1; 3],
                pad: [0, pads[0], pads[1]],
                pad_end: [0, pads[1], pads[0]],
            };
            for i in 1..3 {
                w.output[i] = (w.input[i] + w.pad[i] + w.pad_end[i]).checked_sub(k)? / stride + 1;
            }
            Some(w)
        },
    )
}

/// Convolutions: dense, grouped and depthwise.
pub fn convs() -> impl Strategy<Value = ConvShape> {
    let channels = prop_oneof![
        (Just(1usize), 1usize..20, 1usize..40),
        (2usize..4, 1usize..4, 1usize..10),
        (1usize..20, Just(1), 1usize..3),
    ];
    let general = (1usize..3, channels, windows());
    let depthwise = (1usize..3, (1usize..5, Just(1), 1usize..3), squares());
    prop_oneof![2 => general, 1 => depthwise].prop_map(|(batch, (groups, group_inputs, group_outputs), window)| {
        ConvShape { batch, groups, group_inputs, group_outputs, window }
    })
}

/// Converts to float32.
pub fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

/// Converts to float64.
pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| v.into()).collect()
}
