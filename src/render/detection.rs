//! Parts of a report that a detector's user reads: joined values of very different ranges, and boxes.

use crate::analysis::Report;
use crate::detect::SCORE;
use crate::text::units::{count, percent};

use super::terminal::Style;
use super::text::View;

/// Renders both sections, as far as there are any.
pub fn text(report: &Report, view: &View) -> Option<String> {
    let sections: Vec<String> = joints(report, view).into_iter().chain(boxes(report, view)).collect();
    (!sections.is_empty()).then(|| sections.join("\n"))
}

fn joints(report: &Report, view: &View) -> Option<String> {
    let lost = report.joints.iter().filter(|joint| joint.lost(view.output_limit).next().is_some());
    let mut lines = String::new();
    for joint in lost {
        lines += &format!("  {}\n", joint.layer);
        for part in &joint.parts {
            let is_lost = joint.lost(view.output_limit).any(|lost| lost == part);
            let mark =
                if is_lost { view.terminal.paint(Style::Bad, "✗") } else { view.terminal.paint(Style::Good, "✓") };
            lines += &format!(
                "    {mark} {}  {}: up to {:.4}, NSR {}\n",
                joint.places(part.first, part.last),
                part.value,
                part.range,
                percent(part.nsr)
            );
        }
    }
    let title = view.terminal.paint(Style::Title, "Joined values of very different ranges, which share one scale");
    (!lines.is_empty()).then(|| format!("{title}\n{lines}"))
}

fn boxes(report: &Report, view: &View) -> Option<String> {
    let agreement = report.detection?;
    let samples = count(report.analysis_samples, "sample");
    let title = view.terminal.paint(Style::Title, &format!("Boxes with a score of at least {SCORE} ({samples})"));
    let Some(share) = agreement.share() else {
        let new = match agreement.new {
            0 => String::new(),
            new => format!("; the quantized one finds {new}"),
        };
        return Some(format!("{title}\n  the float network finds none: samples should be photos with objects{new}\n"));
    };
    let mut line = format!(
        "  {} of the float network's {} found ({}), {} new",
        agreement.found,
        agreement.boxes,
        percent(share),
        agreement.new
    );
    if let Some(distance) = agreement.key_point_distance {
        line += &format!("; key points {distance:.1} pixels apart");
    }
    if let Some(overlap) = agreement.mask_overlap {
        line += &format!("; masks with an IoU of {overlap:.3}");
    }
    Some(format!("{title}\n{line}\n"))
}
