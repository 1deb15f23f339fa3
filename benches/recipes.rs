//! Held-out error of trained networks by recipe, beside esp-ppq's.
//!
//!     cargo bench --bench recipes -- FOLDER... [--targets esp32p4,esp32s3,c] [--each | --recipes kl+round,...]
//!         [--esp-ppq FILE]
//!
//! A folder has `model.onnx` and `calib.npz`, or folders that have them; without one, the digits fixture is used. Every
//! fourth sample is held out, and the error is the one before the last Softmax or Sigmoid. The search chooses by the same
//! held-out samples, so that its figure is somewhat below that of others. `--each` also turns off each pass
//! that was found, one at a time. `--recipes` measures the named ones, each an observer with passes, in place of the search.
//! FILE has esp-ppq's figures: `{"FOLDER TARGET RECIPE": {"seconds": ..., "outputs":
//! {NAME: {"nsr": ..., "argmax_agreement": ...}}}}`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use espq::chip::{Method, Scheme, Target};
use espq::cost::constant_bytes;
use espq::engine::Engine;
use espq::exec::Samples;
use espq::graph::Graph;
use espq::optimize::{self, Breadth, Budget, Figure, Judge, Subject};
use espq::project::Project;
use espq::quant::{self, Observations, Recipe, Settings};
use espq::{Error, Result};
use serde_json::Value;

/// Line of the table.
struct Row {
    recipe: String,
    nsr: f64,
    standard_error: Option<f64>,
    agreement: f64,
    seconds: f64,
    /// Bytes of constants.
    flash: Option<usize>,
}

struct Arguments {
    folders: Vec<PathBuf>,
    targets: Vec<Target>,
    each: bool,
    recipes: Vec<(Method, Recipe)>,
    esp_ppq: Value,
}

#[global_allocator]
static ALLOCATOR: espq::memory::Allocator = espq::memory::Allocator;

fn main() -> Result<()> {
    espq::memory::keep();
    let arguments = arguments()?;
    println!(
        "{:<18}{:<9}{:<46}{:>10}{:>10}{:>6}{:>9}{:>9}",
        "network", "target", "recipe", "NSR", "+-", "same", "time", "flash"
    );
    for folder in &arguments.folders {
        for &target in &arguments.targets {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let theirs = theirs(&arguments.esp_ppq, &name, target);
            let ours = ours(folder, target, &arguments)?;
            for row in theirs.iter().chain(&ours) {
                print(&name, target, row);
            }
            verdict(&theirs, &ours);
        }
    }
    Ok(())
}

fn arguments() -> Result<Arguments> {
    let given: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let after = |flag: &str| given.iter().position(|a| a == flag).and_then(|at| given.get(at + 1)).cloned();
    let values = ["--targets", "--esp-ppq", "--recipes"].map(after);
    let [names, file, recipes] = &values;
    let paths = given.iter().filter(|a| !a.starts_with("--") && !values.iter().flatten().any(|value| value == *a));
    let mut folders = Vec::new();
    for path in paths {
        folders.extend(networks(Path::new(path))?);
    }
    if folders.is_empty() {
        folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits"));
    }
    Ok(Arguments {
        folders,
        targets: names.as_deref().unwrap_or("esp32p4").split(',').map(target).collect::<Result<_>>()?,
        recipes: recipes.as_deref().map_or(Ok(Vec::new()), |names| names.split(',').map(recipe).collect())?,
        each: given.iter().any(|a| a == "--each"),
        esp_ppq: file.as_deref().map(figures).transpose()?.unwrap_or_default(),
    })
}

fn target(name: &str) -> Result<Target> {
    let named = Target::ALL.iter().copied().find(|target| target.name() == name);
    named.ok_or_else(|| Error::new(format!("--targets: there is no target `{name}`")))
}

/// Reads an observer and passes, such as `percentile+align+round`.
fn recipe(text: &str) -> Result<(Method, Recipe)> {
    let mut names = text.split('+');
    let name = names.next().unwrap_or_default();
    let method = Method::ALL.iter().copied().find(|method| method.name() == name);
    let method = method.ok_or_else(|| Error::new(format!("--recipes: there is no observer `{name}`")))?;
    Ok((method, Recipe::of(names.map(pass).collect::<Result<Vec<_>>>()?)))
}

fn pass(name: &str) -> Result<&'static str> {
    let pass = optimize::PASSES.iter().find(|pass| pass.name == name);
    pass.map(|pass| pass.name).ok_or_else(|| Error::new(format!("--recipes: there is no pass `{name}`")))
}

fn figures(file: &str) -> Result<Value> {
    let text = std::fs::read_to_string(file).map_err(|e| Error::new(format!("--esp-ppq {file}: {e}")))?;
    serde_json::from_str(&text).map_err(|e| Error::new(format!("--esp-ppq {file}: {e}")))
}

/// The folder itself, or the folders in it.
fn networks(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_network = |folder: &Path| folder.join("model.onnx").exists();
    if is_network(folder) {
        return Ok(vec![folder.to_path_buf()]);
    }
    let failed = |e: std::io::Error| Error::new(format!("{}: {e}", folder.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        found.push(entry.map_err(failed)?.path());
    }
    found.retain(|path| is_network(path));
    if found.is_empty() {
        return Err(Error::new(format!("{}: neither it nor a folder in it has model.onnx", folder.display())));
    }
    found.sort();
    Ok(found)
}

/// esp-ppq's recipes, as far as the file has them.
fn theirs(figures: &Value, network: &str, target: Target) -> Vec<Row> {
    let prefix = format!("{network} {} ", target.name());
    let row = |(key, of): (&String, &Value)| {
        let recipe = format!("esp-ppq {}", key.strip_prefix(&prefix)?);
        let outputs: Vec<&Value> = of.get("outputs")?.as_object()?.values().collect();
        let mean = |name: &str| outputs.iter().filter_map(|o| o[name].as_f64()).sum::<f64>() / outputs.len() as f64;
        let (nsr, agreement) = (mean("nsr"), mean("argmax_agreement"));
        Some(Row { recipe, nsr, standard_error: None, agreement, seconds: of["seconds"].as_f64()?, flash: None })
    };
    let mut rows: Vec<Row> = figures.as_object().into_iter().flatten().filter_map(row).collect();
    rows.sort_by(|a, b| a.nsr.total_cmp(&b.nsr));
    rows
}

/// espq's default, what its search finds, and with `each`, that without each pass.
fn ours(folder: &Path, target: Target, arguments: &Arguments) -> Result<Vec<Row>> {
    let text = format!(
        "[model]\npath = \"model.onnx\"\ntarget = \"{}\"\n[calibration]\ndata = \"calib.npz\"\nsamples = 32\n[optimize]\nheld-out = 4\n",
        target.name()
    );
    let opened = Engine::new(None).open(Project::parse(folder.join("espq.toml"), text));
    let session = opened.session()?;
    let network = Network {
        graph: &session.model.simplified.graph,
        samples: &session.calibration,
        held_out: &session.analysis,
        target,
    };
    if !arguments.recipes.is_empty() {
        let recipes = arguments.recipes.iter();
        return recipes
            .map(|(method, recipe)| network.measured(&named(Some(*method), recipe), Some(*method), recipe.clone()))
            .collect();
    }
    let start = Instant::now();
    let settings = Settings::new(target, Scheme::Int8);
    let subject = Subject {
        plan: &|settings| quant::plan(network.graph, settings),
        settings: &settings,
        samples: network.samples,
        held_out: network.held_out,
        detector: None,
        allows: &|_| Ok(true),
        tick: &|| Ok(()),
        told: &|_, _| Ok(()),
    };
    let found = optimize::search(&subject, Budget { time: Duration::from_secs(3600), breadth: Breadth::Whole })?;
    let seconds = start.elapsed().as_secs_f64();
    let method = found.best.method;
    let mut rows = vec![network.measured("espq default", None, Recipe::default())?];
    rows.push(Row { seconds, ..network.measured("espq optimize", method, found.best.recipe.clone())? });
    if let Some(found_row) = rows.last_mut() {
        found_row.recipe = format!("espq optimize: {}", named(method, &found.best.recipe));
    }
    for less in arguments.each.then(|| without_each(&found.best.recipe)).into_iter().flatten() {
        rows.push(network.measured(&format!("  {}", named(method, &less)), method, less)?);
    }
    Ok(rows)
}

fn named(method: Option<Method>, recipe: &Recipe) -> String {
    let method = method.map_or("default", |method| method.name());
    std::iter::once(method).chain(recipe.names()).collect::<Vec<_>>().join("+")
}

/// The recipe with one pass less each.
fn without_each(recipe: &Recipe) -> Vec<Recipe> {
    recipe.names().map(|pass| recipe.without(pass)).collect()
}

struct Network<'a> {
    graph: &'a Graph,
    samples: &'a dyn Samples,
    held_out: &'a dyn Samples,
    target: Target,
}

impl Network<'_> {
    fn measured(&self, name: &str, method: Option<Method>, recipe: Recipe) -> Result<Row> {
        let start = Instant::now();
        let settings = Settings { method, recipe, ..Settings::new(self.target, Scheme::Int8) };
        let plan = quant::plan(self.graph, &settings)?;
        let tick = &|| Ok(());
        let quantized = optimize::quantize(&plan, self.samples, &mut Observations::default(), tick)?;
        let seconds = start.elapsed().as_secs_f64();
        let Figure { nsr, standard_error, agreement, .. } =
            Judge::new(&plan, self.held_out, None, tick)?.judge(&quantized, tick)?.figure;
        let flash = Some(constant_bytes(quantized.plan()));
        Ok(Row { recipe: name.into(), nsr, standard_error: Some(standard_error), agreement, seconds, flash })
    }
}

fn print(network: &str, target: Target, row: &Row) {
    let Row { recipe, nsr, standard_error, agreement, seconds, flash } = row;
    let standard_error = standard_error.map_or(String::new(), |error| format!("{:.4}%", error * 100.0));
    let flash = flash.map_or(String::new(), |flash| format!("{} KB", flash / 1000));
    println!(
        "{network:<18}{:<9}{recipe:<46}{:>9.4}%{standard_error:>10}{:>5.0}%{seconds:>7.1} s{flash:>9}",
        target.name(),
        nsr * 100.0,
        agreement * 100.0
    );
}

/// Compares what was found with esp-ppq's default and its best recipe.
fn verdict(theirs: &[Row], ours: &[Row]) {
    let Some(found) = ours.get(1) else { return };
    let goal = |name: &str, row: Option<&Row>, share: f64| {
        if let Some(row) = row {
            let word = if found.nsr <= row.nsr * share { "met" } else { "MISSED" };
            println!("    {name} ({}, {:.4}%): {word}", row.recipe, row.nsr * share * 100.0);
        }
    };
    let count = theirs.len();
    goal(&format!("at most the best of esp-ppq's {count} recipes in the file"), theirs.first(), 1.0);
    let default = theirs.iter().find(|row| row.recipe == "esp-ppq baseline").filter(|row| row.nsr > 0.005);
    goal("at most half of esp-ppq's default", default, 0.5);
}
