//! Arguments that override values of espq.toml.

use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::Error;
use crate::chip::{Scheme, Target};
use crate::engine::{is_foreign, is_model};
use crate::project::{Observer, Overrides, Project};

use super::Failure;

#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Overrides")]
pub struct Arguments {
    /// Target chip, overrides espq.toml
    #[arg(long, value_parser = named(Target::ALL, Target::name))]
    target: Option<Target>,

    /// Precision of the whole model, overrides espq.toml
    #[arg(long, value_parser = named(Scheme::ALL, Scheme::name))]
    precision: Option<Scheme>,

    /// Observer of activations, overrides espq.toml
    #[arg(long, value_parser = named(Observer::ALL, Observer::name))]
    method: Option<Observer>,

    /// Maximum number of calibration samples, overrides espq.toml
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    samples: Option<usize>,
}

impl Arguments {
    /// Loads the project at `path` with these values, whose text must be free of errors.
    pub fn load(&self, path: &Path) -> Result<Project, Failure> {
        let &Arguments { target, precision, method, samples } = self;
        load(path, &Overrides { target, precision, method, samples, ..Overrides::default() })
    }
}

/// Loads the project at `path` with other values, whose text must be free of errors.
pub(super) fn load(path: &Path, overrides: &Overrides) -> Result<Project, Failure> {
    if path.is_file() && (is_model(path) || is_foreign(path)) {
        let error = Error::new("this is a model, not a configuration").in_file(path);
        return Err(error.with_help(format!("`espq init {}` writes an espq.toml for it", path.display())).into());
    }
    let mut project = Project::load(path)?;
    project.apply(overrides);
    match project.problems.is_empty() {
        true => Ok(project),
        false => Err(Failure::Problems(Box::new(project))),
    }
}

/// Parser of one of the words that espq.toml accepts, too.
pub(super) fn named<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|&v| name(v)))
        .try_map(move |word| all.iter().copied().find(|&v| name(v) == word).ok_or("not one of the possible values"))
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be 1 or more".to_string()),
        Ok(samples) => Ok(samples),
        Err(_) if text.starts_with('-') && text[1..].parse::<f64>().is_ok() => Err("must be 1 or more".to_string()),
        Err(_) => Err("is not an integer, or is too large".to_string()),
    }
}
