//! The published times of whole networks (esp-dl's READMEs at 12c0616, one core), and the work that espq counts in their
//! files. `ESPQ_PUBLISHED=CHECKOUT` counts it again from the files of a checkout of esp-dl; with `UPDATE_DOCS=1`, the table
//! is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::chip::Target;
use crate::cost::{Board, Machine, of_file};

const TABLE: &str = include_str!("data/published.csv");

struct Published {
    model: String,
    target: Target,
    in_flash: bool,
    sample: Sample,
}

fn published() -> Vec<Published> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields[at].parse::<f64>().unwrap();
        let units = Term::ALL.iter().enumerate().map(|(at, &term)| (term, number(5 + at)));
        let work = units.fold(Work::default(), |work, (term, units)| work.with(term, units));
        Published {
            model: fields[0].to_string(),
            target: Target::from_name(fields[1]).unwrap(),
            in_flash: fields[4] == "flash",
            sample: Sample { family: fields[2].to_string(), work, microseconds: 1000.0 * number(3) },
        }
    };
    TABLE.lines().skip(1).map(row).collect()
}

fn of_chip(target: Target) -> Vec<Sample> {
    published().into_iter().filter(|row| row.target == target).map(|row| row.sample).collect()
}

fn microseconds(work: &Work, constants: &BTreeMap<Term, Fitted>, clock: f64) -> f64 {
    work.iter().map(|(term, units)| units * constants[&term].cycles / clock).sum()
}

/// Errors of the samples as shares, from small to large; each is estimated from the samples that `others` leaves.
fn errors(samples: &[Sample], data: &ChipData, others: impl Fn(&Sample, &Sample) -> bool) -> Vec<f64> {
    let clock = data.board.clock_mhz;
    let error = |sample: &Sample| {
        let rest: Vec<Sample> = samples.iter().filter(|other| others(sample, other)).cloned().collect();
        let estimate = microseconds(&sample.work, &fit(&rest, &data.priors(), clock), clock);
        (estimate / sample.microseconds - 1.0).abs()
    };
    let mut errors: Vec<f64> = samples.iter().map(error).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[half - 1] + sorted[half]) / 2.0 } else { sorted[half] }
}

#[test]
fn published_times_are_met_with_their_family_held_out() {
    for target in [Target::Esp32p4, Target::Esp32s3] {
        let (data, samples) = (ChipData::of(target).unwrap(), of_chip(target));
        let families: BTreeSet<&str> = samples.iter().map(|sample| sample.family.as_str()).collect();
        assert!(samples.len() >= 22 && families.len() >= 8, "{target}");
        let held_out = errors(&samples, data, |sample, other| sample.family != other.family);
        let (median, worst) = (median(&held_out), *held_out.last().unwrap());
        println!("{target}: held out by family: median {:.1}%, worst {:.1}%", 100.0 * median, 100.0 * worst);
        assert!(median <= 0.06 && worst <= 0.15, "{target}: median {median}, worst {worst}");
        assert!(worst <= data.network_error, "the interval of {target} must contain every held-out time");
    }
}

#[test]
fn the_constants_are_those_of_the_fit() {
    for target in [Target::Esp32p4, Target::Esp32s3] {
        let data = ChipData::of(target).unwrap();
        let fitted = fit(&of_chip(target), &data.priors(), data.board.clock_mhz);
        for (term, fitted) in fitted {
            let constant = &data.constants[&term];
            let (cycles, sure) = (constant.cycles, constant.sure);
            let is_near = |a: f64, b: f64| (a - b).abs() <= 0.01 * b.abs();
            let found = format!("{target} {term:?}: cycles = {:.4}, sure = {:.2}", fitted.cycles, fitted.sure);
            assert!(is_near(cycles, fitted.cycles) && is_near(sure, fitted.sure), "{found}");
        }
    }
}

#[test]
fn a_fit_finds_the_constants_that_made_the_times() {
    let prior = Prior { cycles: 1.0, spread: 10.0 };
    let priors = BTreeMap::from([(Term::Blocks, prior), (Term::Pixels, prior), (Term::Copied, prior)]);
    let sample = |blocks: f64, pixels: f64| Sample {
        family: format!("{blocks}"),
        work: Work::default().with(Term::Blocks, blocks).with(Term::Pixels, pixels),
        microseconds: (2.0 * blocks + 50.0 * pixels) / 100.0,
    };
    let fitted = fit(&[sample(1000.0, 1.0), sample(10.0, 90.0), sample(500.0, 10.0)], &priors, 100.0);
    let cycles = |term: Term| fitted[&term].cycles;
    assert!((cycles(Term::Blocks) - 2.0).abs() < 0.05 && (cycles(Term::Pixels) - 50.0).abs() < 2.0, "{fitted:?}");
    assert_eq!(fitted[&Term::Copied], Fitted { cycles: 1.0, sure: 10.0 });
}

#[test]
fn published_files_have_the_work_of_the_table() {
    let Some(checkout) = std::env::var_os("ESPQ_PUBLISHED") else { return };
    let mut files = Vec::new();
    find(Path::new(&checkout), &mut files);
    let mut lines = vec![TABLE.lines().next().unwrap().to_string()];
    for Published { model, target, in_flash, sample } in published() {
        let chip = if target == Target::Esp32p4 { "p4" } else { "s3" };
        let is_it = |path: &&PathBuf| {
            path.file_stem().is_some_and(|stem| *stem == *model) && path.to_string_lossy().contains(chip)
        };
        let bytes = std::fs::read(files.iter().find(is_it).unwrap()).unwrap();
        let board = Board { param_copy: !in_flash, ..Board::of(target) };
        let file = crate::espdl::open(&bytes, None).unwrap();
        let cost = of_file(&file.entries[0].model.graph, bytes.len(), false, &Machine::of(target, board));
        let mut work = Work::default();
        cost.layers.iter().for_each(|layer| work += layer.work);
        let units: String = work.iter().map(|(_, units)| format!(",{}", units.round())).collect();
        let place = if in_flash { "flash" } else { "psram" };
        let (ms, family) = (sample.microseconds / 1000.0, &sample.family);
        lines.push(format!("{model},{target},{family},{ms},{place}{units}"));
    }
    let table = lines.join("\n") + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cost/data/published.csv"), &table).unwrap();
    }
    assert_eq!(table, TABLE);
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => find(&path, files),
            false if path.extension().is_some_and(|ending| ending == "espdl") => files.push(path),
            false => {}
        }
    }
}
