//! Arguments that replace values of espq.toml, and the project with these values.

use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::Error;
use crate::chip::{Scheme, Target};
use crate::engine::is_model;
use crate::project::{Observer, Overrides, Project};

use super::Failure;

#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Instead of what espq.toml says")]
pub struct Arguments {
    /// Another chip than the file's
    #[arg(long, value_parser = named(Target::ALL, Target::name))]
    target: Option<Target>,

    /// Another precision of the whole model
    #[arg(long, value_parser = named(Scheme::ALL, Scheme::name))]
    precision: Option<Scheme>,

    /// Another observer
    #[arg(long, value_parser = named(Observer::ALL, Observer::name))]
    method: Option<Observer>,

    /// Number of samples for calibration
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    samples: Option<usize>,
}

impl Arguments {
    /// The project at `path`, whose text can be used as it is.
    pub fn load(&self, path: &Path) -> Result<Project, Failure> {
        if path.is_file() && is_model(path) {
            let error = Error::new("this is a model, not a configuration").in_file(path);
            return Err(error.with_help(format!("`espq init {}` writes an espq.toml for it", path.display())).into());
        }
        let mut project = Project::load(path)?;
        let &Arguments { target, precision, method, samples } = self;
        project.apply(&Overrides { target, precision, method, samples });
        match project.problems.is_empty() {
            true => Ok(project),
            false => Err(Failure::Problems(Box::new(project))),
        }
    }
}

/// One of the words that espq.toml takes, too.
pub(super) fn named<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|&v| name(v)))
        .try_map(move |word| all.iter().copied().find(|&v| name(v) == word).ok_or("none of the possible values"))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be 1 or more".to_string()),
        other => other.map_err(|_| "is no whole number".to_string()),
    }
}
