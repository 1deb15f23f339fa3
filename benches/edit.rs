//! Latency of new figures in an editor after an edit of one layer's precision.
//!
//!     cargo bench --bench edit -- path/to/espq.toml
//!
//! Without a path, the digits fixture is used. Every computing layer is set to int16, one after the other, each
//! starting from the original project. The first figures are those that an editor shows first: with the scales that were
//! observed before. The exact ones follow after calibration.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A benchmark ends by a panic.

use std::path::Path;
use std::time::Instant;

use espq::chip::Scheme;
use espq::engine::{Engine, LintDepth, Silent};
use espq::project::{Project, edit};

#[global_allocator]
static ALLOCATOR: espq::memory::Allocator = espq::memory::Allocator;

fn main() -> espq::Result<()> {
    let given = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let path = given.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/digits").to_string());
    let project = Project::load(Path::new(&path))?;
    espq::memory::keep();
    let engine = Engine::new(None);

    let milliseconds = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
    for (depth, name) in [(LintDepth::Text, "text"), (LintDepth::Static, "static"), (LintDepth::Measured, "measured")] {
        let start = Instant::now();
        let findings = engine.open(project.clone()).lint(depth, &Silent)?;
        println!("opened, {name:<10} {:8.1} ms  {} findings", milliseconds(start), findings.len());
    }
    let start = Instant::now();
    engine.open(project.clone()).lint(LintDepth::Measured, &Silent)?;
    println!("unchanged          {:8.1} ms", milliseconds(start));

    let comment = Project::parse(&project.file, format!("# A comment.\n{}", project.text));
    let start = Instant::now();
    engine.open(comment).lint(LintDepth::Measured, &Silent)?;
    println!("comment            {:8.1} ms", milliseconds(start));

    let report = engine.open(project.clone()).report(false, &Silent)?;
    let (mut first, mut exact) = (Vec::new(), Vec::new());
    for layer in report.layers.iter().filter(|l| l.layerwise.is_some()) {
        let Some(edit) = edit::set_precision(&project, &[(&layer.name, Scheme::Int16)]) else { continue };
        let edited = Project::parse(&project.file, espq::text::apply(&project.text, [&edit]));
        let start = Instant::now();
        let opened = engine.open(edited);
        opened.lint(LintDepth::Static, &Silent)?;
        let checked = milliseconds(start);
        let mut published = 0;
        opened.expected(&Silent, &mut |_, report| {
            published += 1;
            if published == 1 {
                first.push((milliseconds(start), layer.name.clone()));
            }
            if std::env::var_os("ESPQ_BENCH_STAGES").is_some() {
                let (graphwise, layerwise) = (report.seconds.graphwise * 1e3, report.seconds.layerwise * 1e3);
                let all = milliseconds(start);
                println!(
                    "  {all:8.1} ms: static {checked:.1}, scales {:.1}, graphwise {graphwise:.1}, layerwise {layerwise:.1}: {}",
                    all - checked - graphwise - layerwise,
                    layer.name
                );
            }
            Ok(())
        })?;
        opened.lint(LintDepth::Measured, &Silent)?;
        exact.push((milliseconds(start), layer.name.clone()));
    }
    print("first figures", first);
    print("exact figures", exact);
    Ok(())
}

/// Prints the distribution of times in milliseconds, with the slowest layer.
fn print(name: &str, mut times: Vec<(f64, String)>) {
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let (Some(least), Some(middle), Some(most)) = (times.first(), times.get(times.len() / 2), times.last()) {
        println!("{name}      {:8.1} ms at least, {:.1} median, {:.1} at most ({})", least.0, middle.0, most.0, most.1);
    }
}
