//! Trials of the lines of `[precision]`: each layer back at the precision of all.

use crate::Result;
use crate::analysis::Report;
use crate::chip::Scheme;
use crate::lint::Trial;

use super::cancel::possible;
use super::measure::Measurement;

/// Maximum number of lines that are tried one by one.
const LINES: usize = 8;

impl Measurement<'_> {
    /// Tries each int16 layer of the text at int8, if that is the precision of all others.
    pub fn undone(&self, report: &Report) -> Result<Vec<(String, Trial)>> {
        let config = &self.opened.named().config;
        let mut found = Vec::new();
        if config.precision() != Scheme::Int8 {
            return Ok(found);
        }
        let is_quantized = |name: &str| report.layers.iter().any(|layer| layer.name == name);
        // Two lines of one layer are an error of their own.
        let is_single = |name: &str| config.precision.iter().filter(|line| line.layer.value == name).count() == 1;
        let lines = config.precision.iter().filter(|line| line.choice.value == Scheme::Int16);
        for line in lines.filter(|line| is_quantized(&line.layer.value) && is_single(&line.layer.value)).take(LINES) {
            let trial = possible(self.trial(report, &[&line.layer.value], Scheme::Int8))?;
            found.extend(trial.map(|trial| (line.layer.value.clone(), trial)));
        }
        Ok(found)
    }
}
