//! Accuracy on labelled samples as text.

use crate::analysis::{Accuracy, Hits, Score};
use crate::engine::Scored;
use crate::text::units::{count, percent};
use crate::text::visible;

use super::terminal::{Style, Terminal};

/// Renders the accuracy of the three forms of a network, and what quantization loses.
pub fn accuracy(accuracy: &Accuracy, terminal: &Terminal) -> String {
    let samples = format!("{} of `{}`", count(accuracy.samples, "labelled sample"), visible(&accuracy.output));
    let title = terminal.paint(Style::Title, &format!("Accuracy ({samples})"));
    let forms = [("in float", Some(&accuracy.float)), ("simulated", Some(&accuracy.simulated))];
    let forms = forms.into_iter().chain([("on the chip", accuracy.on_chip.as_ref())]);
    let lines: String = forms.map(|(name, score)| format!("  {name:<12} {}\n", line(score))).collect();
    format!("{title}\n{lines}    {}\n", loss(accuracy))
}

fn line(score: Option<&Score>) -> String {
    match score {
        None => "not measured: the file does not run there".to_string(),
        Some(Score::SquaredError(error)) => {
            format!("mean squared error {:.4e} ± {:.1e}", error.mean, error.standard_error)
        }
        Some(Score::Classes(hits)) => {
            let [low, high] = hits.interval().map(|share| format!("{:.0}%", share * 100.0));
            let share = |right: usize| format!("{:.1}%", right as f64 / hits.of.max(1) as f64 * 100.0);
            let top5 = hits.top5.map(|right| format!(", top-5 {:>6}", share(right))).unwrap_or_default();
            format!("top-1 {:>6} ({low} to {high} of all data){top5}", share(hits.top1))
        }
    }
}

fn loss(accuracy: &Accuracy) -> String {
    let loss = accuracy.loss();
    match (accuracy.hits(), loss.interval) {
        (Some((_, Hits { lost, gained, of, .. })), Some(interval)) => {
            let [low, high] = interval.map(|bound| format!("{:.1}", bound * 100.0));
            format!(
                "quantization loses {:.1} points ({low} to {high} at 95%): of {of}, {lost} became wrong and {gained} right",
                loss.loss * 100.0
            )
        }
        _ if loss.loss < 0.0 => format!("quantization lowers the squared error by {}", percent(-loss.loss)),
        _ => format!("quantization raises the squared error by {}", percent(loss.loss)),
    }
}

/// Renders the numbers that a user's program gave.
pub fn scored(scored: &Scored, terminal: &Terminal) -> String {
    let title = terminal.paint(Style::Title, "Score by `accuracy.command`");
    let forms =
        [("in float", Some(scored.float)), ("simulated", Some(scored.simulated)), ("on the chip", scored.on_chip)];
    let number = |score: Option<f64>| {
        score.map_or("not measured: the file does not run there".to_string(), |score| format!("{score}"))
    };
    let lines: String = forms.map(|(name, score)| format!("  {name:<12} {}\n", number(score))).concat();
    format!("{title}\n{lines}")
}
