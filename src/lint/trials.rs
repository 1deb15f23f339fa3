//! Trials of other precisions, with their measured effect.

use serde::{Deserialize, Serialize};

use crate::analysis::Report;
use crate::chip::Scheme;
use crate::cost::Change;
use crate::detect::FoundBoxes;
use crate::ops;
use crate::order;
use crate::text::Edit;
use crate::text::units::{kilobytes, milliseconds, percent};

use super::{Fix, FixKind, Safety, decisive_error, found_boxes};

/// Trial of layers at another precision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Changed layers, including fused activations.
    pub layers: Vec<String>,
    /// Precision of the changed layers.
    pub scheme: Scheme,
    /// Error of the worst output at the project's precisions; `after` is that of the trial.
    pub before: f64,
    /// Error of the worst output with the changed layers.
    pub after: f64,
    /// Set if `after` is an estimate from predicted scales.
    #[serde(default)]
    pub is_estimate: bool,
    /// Error of the layer alone, if one is tried and stays over its limit: its finding would stay, too.
    #[serde(default)]
    pub stays: Option<f64>,
    /// Additional flash, in bytes.
    pub flash: i64,
    /// Additional time of one run in microseconds, as is_estimate; `None` where there is no estimate.
    #[serde(default)]
    pub latency: Option<f64>,
    /// Flash, RAM and time of the file before and after; `None` if it has no form.
    #[serde(default)]
    pub cost: Option<Change>,
    /// Limits on flash, RAM and time that the trial breaks, for which it is not offered: "312 KiB of flash, over the limit of
    /// 300 KiB".
    #[serde(default)]
    pub breaks: Vec<String>,
}

/// Measured trials for the findings of a report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trials {
    /// Layers over their limit, each tried alone; `None` if a layer does not support the precision.
    pub layers: Vec<(String, Option<Trial>)>,
    /// All layers over the limit together, if there are several.
    pub all: Option<Trial>,
    /// Smallest set that brings all outputs under their limit, and breaks no limit on flash, RAM and time; `None` if there is
    /// none.
    pub outputs: Option<Trial>,
    /// Set that brings all outputs under their limit, but breaks one on flash, RAM or time; only if `outputs` is `None`.
    #[serde(default)]
    pub refused: Option<Trial>,
    /// Sets of int16 layers with ascending cost and descending error: no set that was tried has less of both. The cost is time where
    /// that is limited and known, else flash. Empty if none was searched.
    #[serde(default)]
    pub trade_offs: Vec<Trial>,
    /// Wider scales of layers whose inputs are cut off; `None` if there are none.
    #[serde(default)]
    pub widened: Option<Trial>,
    /// Concats inside of the network that lose a part of what they join, each at int16 with the layers that read it.
    #[serde(default)]
    pub joints: Vec<(String, Trial)>,
    /// Layers that the text sets to int16, each measured at the precision of all others.
    #[serde(default)]
    pub undone: Vec<(String, Trial)>,
    /// Set if an output was over its limit, so that a set was searched.
    pub searched: bool,
}

/// The observer and the passes that a search found, by their error on samples kept apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimization {
    /// Error of the values that decide the outputs.
    pub before: f64,
    /// That error with `edit` applied.
    pub after: f64,
    /// Boxes before and after, if the network is a detector.
    pub boxes: Option<(FoundBoxes, FoundBoxes)>,
    /// Flash, RAM and time before and after; `None` if the file has no form.
    pub cost: Option<Change>,
    /// Change of the text.
    pub edit: Edit,
}

impl Optimization {
    /// "Optimize: output error 23.2% -> 1.4% on samples kept apart, no flash"
    pub fn fix(&self, report: &Report) -> Fix {
        let (before, after) = (percent(self.before), percent(self.after));
        let cost = self.cost.map_or_else(|| "no flash".to_string(), |cost| cost.difference());
        let boxes = self.boxes.and_then(|(before, after)| found_boxes(&before, &after));
        let boxes = boxes.map(|boxes| format!("{boxes}, ")).unwrap_or_default();
        let error = decisive_error(report);
        Fix {
            title: format!("Optimize: {error} {before} -> {after} on samples kept apart, {boxes}{cost}"),
            kind: FixKind::Settings,
            safety: Safety::Unsafe,
            edits: vec![self.edit.clone()],
        }
    }
}

impl Trials {
    /// Returns the trial of a joint; `None` if there is none.
    pub fn joint(&self, layer: &str) -> Option<&Trial> {
        self.joints.iter().find(|(name, _)| name == layer).map(|(_, trial)| trial)
    }

    /// Returns the trial of a layer alone; `None` if it was not tried.
    pub fn of(&self, layer: &str) -> Option<Option<&Trial>> {
        self.layers.iter().find(|(name, _)| name == layer).map(|(_, trial)| trial.as_ref())
    }
}

impl Trial {
    /// Returns `true` if the error is less as it is shown, or becomes a number.
    pub fn helps(&self) -> bool {
        let is_less = self.after < self.before && percent(self.after) != percent(self.before);
        is_less || (self.before.is_nan() && !self.after.is_nan())
    }

    /// Returns `true` if it may be offered: it helps, clears its finding, and breaks no limit on flash, RAM and time.
    pub fn is_offered(&self) -> bool {
        self.helps() && self.stays.is_none() && self.breaks.is_empty()
    }

    /// Describes why it is not offered; `None` if it is: "int16 for 5 layers (output error 25.6% -> 9.1%) takes 312 KiB of flash,
    /// over the limit of 300 KiB".
    pub fn refusal(&self) -> Option<String> {
        if !self.helps() {
            return Some(format!("{} does not help: {}", self.scheme, self.effect()));
        }
        if let Some(stays) = self.stays {
            let effect = self.effect();
            return Some(format!("{} leaves the layer over its limit, at {}: {effect}", self.scheme, percent(stays)));
        }
        if self.breaks.is_empty() {
            return None;
        }
        let layers = match &self.layers[..] {
            [] => "this".to_string(),
            [one] => format!("{} for `{one}`", self.scheme),
            many => format!("{} for {} layers", self.scheme, many.len()),
        };
        let (before, after) = (percent(self.before), percent(self.after));
        Some(format!("{layers} (output error {before} -> {after}) takes {}", self.breaks.join(" and ")))
    }

    /// Describes the effect: "output error 25.6% -> 9.1%, +13 KB flash".
    pub fn effect(&self) -> String {
        let latency = self.latency.map(|latency| format!(", {}", milliseconds(latency))).unwrap_or_default();
        let (before, after) = (percent(self.before), percent(self.after));
        format!("output error {before} -> {after}, {} flash{latency}", kilobytes(self.flash))
    }
}

/// Returns the 8-bit layers with an error and a 16-bit kernel, with that error, measured or is_estimate; the worst first.
pub fn candidates(report: &Report) -> Vec<(&str, f64)> {
    let has_kernel = |op: &str| ops::on_chip(op).is_some_and(|chip| chip.kernels.int16);
    let narrow = report.layers.iter().filter(|l| l.scheme == Scheme::Int8 && has_kernel(&l.op));
    let mut candidates: Vec<(&str, f64)> = narrow.filter_map(|l| Some((l.name.as_str(), l.alone()?.nsr))).collect();
    order::sort_by(&mut candidates, |a, b| b.1.total_cmp(&a.1));
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effect_has_both_errors() {
        let mut trial = Trial {
            layers: vec![],
            scheme: Scheme::Int16,
            before: 0.2563,
            after: 0.0912,
            is_estimate: false,
            stays: None,
            flash: 13_400,
            latency: None,
            cost: None,
            breaks: vec![],
        };
        assert_eq!(trial.effect(), "output error 25.6% -> 9.12%, +13 KB flash");
        trial.latency = Some(2_130.0);
        assert_eq!(trial.effect(), "output error 25.6% -> 9.12%, +13 KB flash, +2.1 ms");
        assert!(trial.is_offered());
        trial.stays = Some(0.0123);
        assert!(!trial.is_offered());
        let refusal = trial.refusal().unwrap();
        assert!(refusal.starts_with("int16 leaves the layer over its limit, at 1.23%: output error"), "{refusal}");
    }
}
