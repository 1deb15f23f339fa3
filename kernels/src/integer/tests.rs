//! Tests of integer convolutions: every instruction set against the definition, which updates the accumulator term by
//! term.

use proptest::prelude::*;

use super::conv::{Conv, Filters, Shape};
use super::finish::shift;
use super::{End, Finish, Integer};
use crate::naive;
use crate::rounding::Rounding;
use crate::simd::Level;
use crate::window::Window;

#[derive(Debug)]
struct Case {
    shape: Shape,
    rows: Vec<i16>,
    bias: Vec<i64>,
    ends: Vec<End>,
    finish: Finish,
}

fn defined<T: Integer>(case: &Case, x: &[T]) -> Vec<T> {
    let (s, w) = (&case.shape, &case.shape.window);
    let depth = w.taps() * if s.depthwise { 1 } else { s.channels };
    let mut seen = vec![Vec::new(); w.outputs()];
    naive::visit(w, |out, tap, at| seen[out].push((tap, at)));
    let mut y = Vec::new();
    for taps in seen {
        for (n, row) in case.rows.chunks(depth).enumerate() {
            let channels = if s.depthwise { n..n + 1 } else { 0..s.channels };
            let weight = |tap: usize, c: usize| if s.depthwise { row[tap] } else { row[tap * s.channels + c] };
            let term = |&(tap, at): &(usize, usize)| {
                let x = &x[at * s.channels..];
                channels.clone().map(move |c| x[c].wide() * i64::from(weight(tap, c)))
            };
            let sum = case.ends[n].walk(case.bias[n], taps.iter().flat_map(term));
            let shifts = &case.finish.shifts;
            let shifted = shift(sum, shifts[n % shifts.len()], case.finish.rounding);
            y.push(T::clamp_from(if case.finish.relu { shifted.max(0) } else { shifted }));
        }
    }
    y
}

fn window() -> impl Strategy<Value = Window> {
    let axis = || (1usize..14, 1usize..4, 1usize..3, 1usize..3, 0usize..3, 0usize..3);
    let pointwise = prop_oneof![2 => Just(false), 1 => Just(true)];
    (pointwise, axis(), axis()).prop_map(|(pointwise, y, x)| {
        let mut w = Window {
            input: [1, y.0, x.0],
            output: [1; 3],
            kernel: [1, y.1, x.1],
            stride: [1, y.2, x.2],
            dilation: [1, y.3, x.3],
            pad: [0, y.4, x.4],
            pad_end: [0, y.5, x.5],
        };
        if pointwise {
            (w.kernel, w.stride, w.pad, w.pad_end) = ([1; 3], [1; 3], [0; 3], [0; 3]);
        }
        for i in 1..3 {
            let extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
            w.pad_end[i] += extent.saturating_sub(w.input[i] + w.pad[i] + w.pad_end[i]);
            w.output[i] = (w.input[i] + w.pad[i] + w.pad_end[i] - extent) / w.stride[i] + 1;
        }
        w
    })
}

/// Random numbers, some as large as their type allows, so that sums reach the ends of small accumulators.
fn numbers(count: usize, low: i64, high: i64, mut seed: u64, loud: bool) -> impl Iterator<Item = i64> {
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        seed >> 33
    };
    (0..count).map(move |_| match next() % 8 {
        0 => low,
        1 => high,
        _ if loud => high - (next() % 3) as i64,
        _ => low + (next() % (high - low + 1) as u64) as i64,
    })
}

fn cases(wide: bool) -> impl Strategy<Value = (Case, u64)> {
    let channels = prop_oneof![4 => 1usize..40, 1 => 40usize..300];
    let ends = if wide {
        prop_oneof![Just(End::Open), Just(End::Saturates(40))].boxed()
    } else {
        prop_oneof![2 => Just(End::Saturates(20)), 1 => Just(End::Saturates(32)), 1 => Just(End::Saturates(40)), 2 => Just(End::Wraps32)]
            .boxed()
    };
    let finish = (any::<bool>(), any::<bool>(), prop::collection::vec(-2i32..18, 2), any::<bool>());
    (window(), channels, 1usize..40, any::<bool>(), ends, finish, any::<(u64, bool, bool)>()).prop_map(
        move |(window, channels, filters, depthwise, end, (even, relu, shifts, single), (seed, loud, large))| {
            let filters = if depthwise { channels } else { filters };
            let depth = window.taps() * if depthwise { 1 } else { channels };
            let count = filters * depth;
            let most = if wide { 32767 } else { 127 };
            // Mixed blocks: the last filters do not fill the chip's lanes.
            let rest = if wide { End::Saturates(40) } else { End::Saturates(32) };
            let full = filters / 8 * 8;
            let ends = (0..filters).map(|n| if n < full || end == End::Wraps32 { end } else { rest }).collect();
            let bias = if large { 1 << if wide { 38 } else { 31 } } else { 1 << 10 };
            let case = Case {
                shape: Shape { channels, filters, depthwise, window },
                rows: numbers(count, -most - 1, most, seed, loud).map(|v| v as i16).collect(),
                bias: numbers(filters, -bias, bias - 1, seed ^ 7, false).collect(),
                ends,
                finish: Finish {
                    rounding: if even { Rounding::HalfEven } else { Rounding::HalfUp },
                    relu,
                    shifts: if single {
                        shifts[..1].to_vec()
                    } else {
                        (0..filters).map(|n| shifts[n % 2] + n as i32 % 3).collect()
                    },
                },
            };
            (case, seed)
        },
    )
}

fn hold<T: Integer + std::fmt::Debug>(case: &Case, seed: u64, loud: bool) -> Result<(), TestCaseError> {
    let count = case.shape.window.inputs() * case.shape.channels;
    let x: Vec<T> = numbers(count, T::MIN.into(), T::MAX.into(), seed ^ 3, loud).map(T::clamp_from).collect();
    let expected = defined(case, &x);
    let filters = Filters { rows: &case.rows, bias: &case.bias, end: &|n| case.ends[n] };
    for level in Level::available() {
        let conv = Conv::at_level::<T>(level, case.shape.clone(), &filters, case.finish.clone()).unwrap();
        prop_assert_eq!(&conv.run(&x).unwrap(), &expected, "{:?}", level);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn int8_convolutions_equal_the_definition_at_every_level((case, seed) in cases(false), loud: bool) {
        hold::<i8>(&case, seed, loud)?;
    }

    #[test]
    fn int16_convolutions_equal_the_definition_at_every_level((case, seed) in cases(true), loud: bool) {
        hold::<i16>(&case, seed, loud)?;
    }
}
