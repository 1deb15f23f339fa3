//! Reports as JSON, for machines: figures as they are, notes as sentences.

use serde::Serialize;

use crate::analysis::{Layer, OutputError, Report, Seconds};
use crate::note::sentences;
use crate::{Error, Result};

#[derive(Serialize)]
struct Shown<'a, S> {
    model: &'a str,
    settings: &'a S,
    calibration_samples: usize,
    analysis_samples: usize,
    layers: &'a [Layer],
    outputs: &'a [OutputError],
    notes: Vec<String>,
    seconds: Seconds,
}

pub fn json(report: &Report) -> Result<String> {
    let Report { model, settings, calibration_samples, analysis_samples, layers, outputs, notes, seconds } = report;
    let shown = Shown {
        model,
        settings,
        calibration_samples: *calibration_samples,
        analysis_samples: *analysis_samples,
        layers,
        outputs,
        notes: sentences(notes),
        seconds: *seconds,
    };
    let mut text = serde_json::to_string_pretty(&shown)
        .map_err(|e| Error::new(format!("the report cannot be written as JSON: {e}")))?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::{Scheme, Target};
    use crate::note::Note;
    use crate::quant::Settings;

    #[test]
    fn a_report_has_the_fields_of_its_struct_and_notes_as_sentences() {
        let report = Report {
            model: "m.onnx".to_string(),
            settings: Settings::new(Target::Esp32p4, Scheme::Int8),
            calibration_samples: 2,
            analysis_samples: 1,
            layers: Vec::new(),
            outputs: Vec::new(),
            notes: vec![Note::of_layer("/a", "is new"), Note::new("all is well")],
            seconds: Seconds::default(),
        };
        let mut expected = serde_json::to_value(&report).unwrap();
        expected["notes"] = serde_json::json!(["/a: is new", "all is well"]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&report).unwrap()).unwrap(), expected);
    }
}
