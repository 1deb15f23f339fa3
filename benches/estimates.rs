//! Estimated layerwise errors beside the measured ones: rank correlation, factors between them, and times.
//!
//!     cargo bench --bench estimates -- path/to/espq.toml...

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A benchmark ends by a panic.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use espq::engine::{Engine, Silent};
use espq::project::Project;

fn main() -> espq::Result<()> {
    for path in std::env::args().skip(1).filter(|a| !a.starts_with("--")) {
        let project = Project::load(Path::new(&path))?;
        let engine = Engine::new(None);
        let start = Instant::now();
        let opened = engine.open(project.clone());
        let Some(first) = opened.estimated(&Silent)? else { continue };
        let (all, estimates) = (start.elapsed().as_secs_f64(), first.seconds.layerwise);
        let measured = Engine::new(None).open(project).measured(&Silent)?;
        let layers = measured.layers.iter().filter_map(|layer| Some((layer.name.as_str(), layer.layerwise?.nsr)));
        let exact: HashMap<&str, f64> = layers.collect();
        let estimated =
            first.layers.iter().filter_map(|layer| Some((exact.get(layer.name.as_str())?, layer.estimate?)));
        let (exact_ones, estimated): (Vec<f64>, Vec<f64>) = estimated.unzip();
        let mut factors: Vec<f64> = exact_ones.iter().zip(&estimated).map(|(a, b)| a / b).collect();
        factors.sort_by(f64::total_cmp);
        println!("{path}, {} samples", measured.analysis_samples);
        println!(
            "  first figures {all:.3} s, {estimates:.3} s of it for estimates; measured {:.3} s",
            measured.seconds.layerwise
        );
        println!(
            "  {} of {} layers, rank correlation {:.3}, measured / estimated {:.2} to {:.2}, median {:.2}",
            estimated.len(),
            exact.len(),
            rank_correlation(&exact_ones, &estimated),
            factors.first().unwrap_or(&f64::NAN),
            factors.last().unwrap_or(&f64::NAN),
            factors.get(factors.len() / 2).unwrap_or(&f64::NAN)
        );
    }
    Ok(())
}

/// Spearman's coefficient.
fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let ranks = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
        let mut ranks = vec![0.0; values.len()];
        order.iter().enumerate().for_each(|(rank, &i)| ranks[i] = rank as f64);
        ranks
    };
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&a, &b) / product(&a, &a)
}
