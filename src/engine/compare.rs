//! Figures of a written report.

use std::path::Path;

use crate::analysis::Figures;
use crate::{Error, Result, file};

/// Longest report that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// Reads the figures of a report in JSON.
pub fn read_report(path: &Path) -> Result<Figures> {
    const HELP: &str = "`espq report --format json -o FILE` writes one";
    let text = file::text(path, LONGEST).map_err(|e| e.with_help(HELP))?;
    // From bytes, as the cache reads figures: one compiled reader.
    serde_json::from_slice(text.as_bytes())
        .map_err(|e| Error::new(format!("this is no report in JSON: {e}")).in_file(path).with_help(HELP))
}
