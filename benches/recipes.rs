//! Error that observers and passes reach on projects, on held-out samples.
//!
//!     cargo bench --bench recipes -- path/to/model.onnx,path/to/calib.npz [esp32p4,esp32s3,c]
//!
//! Every fourth sample is held out. Without a path, the digits fixture is used.

use std::path::Path;
use std::time::{Duration, Instant};

use espq::chip::{Scheme, Target};
use espq::engine::{Engine, Options};
use espq::optimize::{self, Budget, Subject};
use espq::project::Project;
use espq::quant::{self, Settings};

fn main() -> espq::Result<()> {
    espq::memory::keep();
    let given: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/digits").to_string();
    let targets = given.get(1).map_or("esp32p4", String::as_str).split(',').map(str::to_string).collect::<Vec<_>>();
    let folder = given.first().cloned().unwrap_or(fixture);
    for target in targets {
        let text = format!(
            "[model]\npath = \"model.onnx\"\ntarget = \"{target}\"\n[calibration]\ndata = \"calib.npz\"\nsamples = 32\n[optimize]\nheld-out = 4\n"
        );
        let project = Project::parse(Path::new(&folder).join("espq.toml"), text);
        let opened = Engine::new(Options::default()).open(project);
        let session = opened.session()?;
        let target = Target::ALL.iter().copied().find(|t| t.name() == target).unwrap_or(Target::Esp32p4);
        let graph = &session.model.simplified.graph;
        let start = Instant::now();
        let found = optimize::search(
            &Subject {
                plan: &|settings| quant::plan(graph, settings),
                settings: &Settings::new(target, Scheme::Int8),
                samples: &session.calibration,
                held_out: &session.analysis,
                tick: &|| Ok(()),
                told: &|tried, _| {
                    println!(
                        "  {:6.1} s  {:8.4}% +- {:.4}% {:4.0}%  {} {}",
                        start.elapsed().as_secs_f64(),
                        tried.figure.nsr * 100.0,
                        tried.figure.standard_error * 100.0,
                        tried.figure.agreement * 100.0,
                        tried.method.map_or("default", |m| m.name()),
                        tried.recipe.names().collect::<Vec<_>>().join("+")
                    );
                    Ok(())
                },
            },
            Budget { time: Duration::from_secs(600) },
        )?;
        println!(
            "{folder} {target}: {:.4}% -> {:.4}%, {:.1} s",
            found.before.nsr * 100.0,
            found.best.figure.nsr * 100.0,
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
