//! E012

use crate::analysis::{Accuracy, Score};
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::{number, percent};

rule! {
    /// ## What it does
    /// Reports a loss of accuracy on labelled samples that exceeds `limits.accuracy-loss`. The labels are those of `[accuracy]`.
    ///
    /// For classes the loss is the share of samples that are right in float, minus the share that are right on the chip. For wanted
    /// values it is the growth of the mean squared error. Without the limit, accuracy is not measured by lint; `espq accuracy` and
    /// `espq report` show it.
    ///
    /// ## Why is this bad?
    /// This is what quantization costs the application. The noise-to-signal ratio is measured without labels and only predicts it: a
    /// network may keep all classes at 10%, or lose a tenth of them at 2%.
    ///
    /// ## Example
    /// ```text
    /// quantization loses 3.5 points of accuracy, over the limit of 1: 149 of 200 samples are right in float, 142 on the chip
    /// ```
    ///
    /// ## What to do
    /// Run `espq optimize`, or give the layers with the largest error 16 bits (`espq report` lists them). The interval that the message
    /// gives comes from the samples that change sides: where it holds the limit, more samples tell more.
    E012, "accuracy-loss", Error, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(Ok(accuracy)), Some(limit)) = (facts.accuracy, &facts.project.config.limits.accuracy_loss) else {
        return;
    };
    let loss = accuracy.loss();
    if loss.loss <= limit.value.0 {
        return;
    }
    let points = |share: f64| format!("{:.1}", share * 100.0);
    let message = match accuracy.hits() {
        Some((float, hits)) => format!(
            "quantization loses {} points of accuracy, over the limit of {}: {} of {} samples are right in float, {} {}",
            points(loss.loss),
            number(limit.value.0 * 100.0, 3),
            float.top1,
            float.of,
            hits.top1,
            place_of(accuracy)
        ),
        None => {
            let mean = |score: &Score| match score {
                Score::SquaredError(error) => error.mean,
                Score::Classes(_) => f64::NAN,
            };
            format!(
                "the squared error grows by {}, over the limit of {}: {:.4e} in float, {:.4e} {}",
                percent(loss.loss),
                percent(limit.value.0),
                mean(&accuracy.float),
                mean(accuracy.quantized()),
                place_of(accuracy)
            )
        }
    };
    let interval = loss
        .interval
        .map(|[low, high]| format!("the loss in all data is {} to {} points, at 95%; ", points(low), points(high)));
    let help = format!(
        "{}run `espq optimize`, or give the layers with the largest error 16 bits",
        interval.unwrap_or_default()
    );
    findings.push(Finding::new(&RULE, place::of_key(facts.project, "limits.accuracy-loss"), message).with_help(help));
}

fn place_of(accuracy: &Accuracy) -> &'static str {
    if accuracy.on_chip.is_some() { "on the chip" } else { "simulated" }
}
