//! Figures of a written report.

use std::path::Path;

use crate::analysis::Figures;
use crate::{Error, Result};

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
