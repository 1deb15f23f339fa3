//! `espq export`: the file that the chip loads.

use std::path::PathBuf;

use crate::Error;
use crate::engine;
use crate::project::Project;

use super::Failure;
use super::progress::Bar;

/// Writes the model as the chip loads it: NAME.espdl
#[derive(clap::Args)]
pub struct Arguments {
    /// An espq.toml, or the folder that holds one
    #[arg(default_value = ".")]
    path: PathBuf,

    /// The folder to write into; by default that of the model
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let project = Project::load(&arguments.path)?;
    if !project.problems.is_empty() {
        return Err(Failure::Problems(Box::new(project)));
    }
    let exported = match engine::export(&project, &Bar::new()) {
        Ok(exported) => exported,
        Err(error) => return Err(Failure::Within(Box::new(project), error)),
    };
    let model = project.model_path()?;
    let folder = arguments.output.clone().unwrap_or_else(|| model.parent().map(PathBuf::from).unwrap_or_default());
    let name = model.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_else(|| "model".to_string());
    let path = folder.join(format!("{name}.espdl"));
    std::fs::write(&path, &exported.espdl).map_err(|e| Error::new(format!("cannot be written: {e}")).in_file(&path))?;
    Ok(format!("{}\n", path.display()))
}
