//! Latency of new figures in an editor after an edit of one layer's precision.
//!
//!     cargo bench --bench edit -- path/to/espq.toml
//!
//! Without a path, the digits fixture is used. Every computing layer is set to int16, one after the other, each
//! starting from the original project.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A benchmark ends by a panic.

use std::path::Path;
use std::time::Instant;

use espq::chip::Scheme;
use espq::engine::{Engine, LintDepth, Options, Silent};
use espq::project::{Project, edit};

fn main() -> espq::Result<()> {
    let given = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let path = given.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/digits").to_string());
    let project = Project::load(Path::new(&path))?;
    espq::memory::keep();
    let engine = Engine::new(Options { activations: 512 << 20, cache: None });

    let milliseconds = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
    for (depth, name) in [(LintDepth::Text, "text"), (LintDepth::Static, "static"), (LintDepth::Measured, "measured")] {
        let start = Instant::now();
        let findings = engine.open(project.clone()).lint(depth, &Silent)?;
        println!("opened, {name:<10} {:8.1} ms  {} findings", milliseconds(start), findings.len());
    }
    let start = Instant::now();
    engine.open(project.clone()).lint(LintDepth::Measured, &Silent)?;
    println!("unchanged          {:8.1} ms", milliseconds(start));

    let report = engine.open(project.clone()).report(false, &Silent)?;
    let mut times = Vec::new();
    for layer in report.layers.iter().filter(|l| l.layerwise.is_some()) {
        let Some(edit) = edit::set_precision(&project, &[(&layer.name, Scheme::Int16)]) else { continue };
        let edited = Project::parse(&project.file, espq::text::apply(&project.text, [&edit]));
        let start = Instant::now();
        engine.open(edited).lint(LintDepth::Measured, &Silent)?;
        times.push((milliseconds(start), layer.name.as_str()));
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let (Some(least), Some(middle), Some(most)) = (times.first(), times.get(times.len() / 2), times.last()) {
        println!("one layer to int16 {:8.1} ms at least, {:.1} median, {:.1} at most", least.0, middle.0, most.0);
        println!("slowest: {}", most.1);
    }
    Ok(())
}
