//! Figures of a project or of a written report, for comparison.

use std::path::Path;
use std::sync::Arc;

use crate::analysis::Figures;
use crate::project::Project;
use crate::{Error, Result};

use super::{Engine, Progress};

/// Longest report that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// Reads the figures of a report in JSON.
pub fn read_report(path: &Path) -> Result<Figures> {
    let failed = |e: std::io::Error| Error::new(format!("cannot be read: {e}")).in_file(path);
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > LONGEST {
        return Err(Error::new(format!("{length} bytes are too many for a report")).in_file(path));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    serde_json::from_str(&text).map_err(|e| {
        Error::new(format!("this is no report in JSON: {e}"))
            .in_file(path)
            .with_help("`espq report --format json -o FILE` writes one")
    })
}

/// Measures a project.
pub fn figures(engine: &Arc<Engine>, project: Project, progress: &dyn Progress) -> Result<Figures> {
    Ok(Figures::from(&*engine.open(project).measured(progress)?))
}
