//! Tests of every observer against esp-ppq 1.3.12 on generated tensors. Each line of `recorded.txt` has: distribution,
//! elements per sample, observer, bits, and esp-ppq's exponent over three samples.

use super::*;

/// Elements of one sample: sums of twelve uniform numbers, shaped.
fn sample(distribution: &str, count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let element = |index| {
        let u: [f64; 12] = std::array::from_fn(|_| uniform());
        let normal = u.iter().sum::<f64>() - 6.0;
        match distribution {
            "normal" => normal,
            "relu" => normal.max(0.0),
            "heavy" => normal.powi(5),
            "relu6" => (normal * 4.0).clamp(0.0, 6.0),
            "uniform" => u[0] * 3.0 - 1.0,
            "zero" => 0.0,
            "tiny" => normal * 1e-9,
            "outlier" if index == 7 => 40.0,
            "outlier" => normal,
            other => panic!("{other}"),
        }
    };
    (0..count).map(element).map(|v| v as f32).collect()
}

fn exponent(method: Method, samples: &[Vec<f32>], bits: u32) -> i32 {
    let ranges: Vec<Extremes> = samples.iter().filter_map(|s| Extremes::finite(Elements::F32(s))).collect();
    match method {
        Method::MinMax => Extremes::union(&ranges).exponent(bits),
        Method::Percentile => {
            Extremes::mean(&samples.iter().map(|s| percentiles(s.clone())).collect::<Vec<_>>()).exponent(bits)
        }
        Method::Kl | Method::Mse => {
            let mut histogram = Histogram::new(method.bins(bits), Extremes::union(&ranges).magnitude());
            samples.iter().for_each(|s| histogram.add(Elements::F32(s)));
            histogram_exponent(method, &histogram, bits)
        }
    }
}

#[test]
fn every_observer_finds_esp_ppqs_exponent() {
    let mut wrong = Vec::new();
    for line in include_str!("recorded.txt").lines() {
        let [distribution, count, method, bits, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let count: usize = count.parse().unwrap();
        let samples: Vec<Vec<f32>> = (1..=3).map(|seed| sample(distribution, count, seed)).collect();
        let found = exponent(Method::from_name(method).unwrap(), &samples, bits.parse().unwrap());
        if found.to_string() != expected {
            wrong.push(format!("{line}, found {found}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_range_is_covered_up_to_the_last_level_and_not_beyond() {
    let exponent = |max| Extremes { min: 0.0, max }.exponent(8);
    assert_eq!([exponent(127.5), exponent(127.6), exponent(0.5), exponent(0.0)], [0, 1, -7, -26]);
}

#[test]
fn percentiles_are_elements_and_never_beyond_the_last() {
    let values: Vec<f32> = (0..30_000).map(|v| v as f32).collect();
    assert_eq!(percentiles(values), Extremes { min: 2.0, max: 29_997.0 });
    assert_eq!(percentiles(vec![2.0]), Extremes { min: 2.0, max: 2.0 });
    assert_eq!(percentiles(vec![]), Extremes::EMPTY);
}

#[test]
fn infinity_and_nan_have_no_range() {
    for (values, range) in [
        (&[1.0, f32::NEG_INFINITY][..], None),
        (&[1.0, f32::NAN, 3.0], None),
        (&[f32::NAN, 1.0], None),
        (&[1.0, -2.0], Some(Extremes { min: -2.0, max: 1.0 })),
        (&[], Some(Extremes::EMPTY)),
    ] {
        let wide: Vec<f64> = values.iter().map(|&v| v.into()).collect();
        assert_eq!(Extremes::finite(Elements::F32(values)), range);
        assert_eq!(Extremes::finite(Elements::F64(&wide)), range);
    }
}
