//! The report as it is, for machines.

use crate::analysis::Report;
use crate::{Error, Result};

/// Serializes a report. An error where a figure has no place in JSON.
pub fn json(report: &Report) -> Result<String> {
    let mut text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::new(format!("the report cannot be written as JSON: {e}")))?;
    text.push('\n');
    Ok(text)
}
