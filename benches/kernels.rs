//! Convolutions of MobileNetV2 (1x3x224x224), one by one, compared with the quantization of a tensor.
//!
//! `cargo bench --bench kernels`, or with a filter: `-- depthwise`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A benchmark ends by a panic.

use criterion::{Criterion, Throughput};
use espq::chip::Rounding;
use espq::kernels::conv::{Conv, ConvShape};
use espq::kernels::errors::error_sums;
use espq::kernels::histogram::{add_abs_histogram, min_max};
use espq::kernels::rounding::fake_quantize;
use espq::kernels::window::Window;

/// Input channels, output channels, input size, kernel, stride and groups of layers.
const LAYERS: &[[usize; 6]] = &[
    [3, 32, 224, 3, 2, 1],
    [32, 32, 112, 3, 1, 32],
    [32, 16, 112, 1, 1, 1],
    [16, 96, 112, 1, 1, 1],
    [96, 96, 112, 3, 2, 96],
    [96, 24, 56, 1, 1, 1],
    [24, 144, 56, 1, 1, 1],
    [144, 144, 56, 3, 1, 144],
    [144, 144, 56, 3, 2, 144],
    [144, 32, 28, 1, 1, 1],
    [32, 192, 28, 1, 1, 1],
    [192, 192, 28, 3, 1, 192],
    [192, 64, 14, 1, 1, 1],
    [64, 384, 14, 1, 1, 1],
    [384, 384, 14, 3, 1, 384],
    [576, 96, 14, 1, 1, 1],
    [576, 576, 14, 3, 2, 576],
    [160, 960, 7, 1, 1, 1],
    [960, 960, 7, 3, 1, 960],
    [960, 320, 7, 1, 1, 1],
    [320, 1280, 7, 1, 1, 1],
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for &layer in LAYERS {
        convolution(&mut criterion, layer);
    }
    tensors(&mut criterion);
    criterion.final_summary();
}

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 255) as f32 / 64.0 - 2.0).collect()
}

fn convolution(criterion: &mut Criterion, [inputs, outputs, size, kernel, stride, groups]: [usize; 6]) {
    let pad = kernel / 2;
    let output = (size + 2 * pad - kernel) / stride + 1;
    let window = Window {
        input: [1, size, size],
        output: [1, output, output],
        kernel: [1, kernel, kernel],
        stride: [1, stride, stride],
        dilation: [1; 3],
        pad: [0, pad, pad],
        pad_end: [0, pad, pad],
    };
    let (group_inputs, group_outputs) = (inputs / groups, outputs / groups);
    let weights = values(outputs * group_inputs * kernel * kernel);
    let shape = ConvShape { batch: 1, groups, group_inputs, group_outputs, window };
    let conv = Conv::new(shape, &weights).expect("this fits into memory");
    let (x, bias) = (values(inputs * size * size), values(outputs));
    let class = match (groups, kernel) {
        (1, 1) => "pointwise",
        (1, _) => "dense",
        _ => "depthwise",
    };
    let mut group = criterion.benchmark_group(class);
    group.throughput(Throughput::Elements((weights.len() * output * output) as u64));
    group.bench_function(format!("{inputs}x{size}x{size} to {outputs}, k{kernel} s{stride}"), |b| {
        b.iter(|| conv.run(&x, Some(&bias), Some((0.0, 6.0))));
    });
    group.finish();
}

fn tensors(criterion: &mut Criterion) {
    let x = values(1 << 20);
    let mut group = criterion.benchmark_group("tensor");
    group.throughput(Throughput::Elements(x.len() as u64));
    let mut quantized = x.clone();
    group.bench_function("fake_quantize", |b| {
        b.iter(|| fake_quantize(&mut quantized, -5, 8, Rounding::HalfEven));
    });
    group.bench_function("error_sums", |b| b.iter(|| error_sums(&quantized, &x)));
    group.bench_function("min_max", |b| b.iter(|| min_max(&x)));
    let mut counts = vec![0; 4096];
    group.bench_function("abs_histogram", |b| b.iter(|| add_abs_histogram(&x, 2.0, &mut counts)));
    group.finish();
}
