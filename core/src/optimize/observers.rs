//! Observers of the whole network, each measured.

use crate::Result;
use crate::analysis::{Observers, Spread, TriedObserver};
use crate::chip::Method;
use crate::exec::{Samples, Tick};
use crate::quant::{Observations, Plan, Quantized, calibrate, observe};

use super::judge::{Judge, Judged};
use super::{finish, prepare};

/// Every observer with its figures; all are seen in the same two passes over the samples.
pub fn each(
    plan: &Plan,
    samples: &dyn Samples,
    judge: &Judge,
    known: &mut Observations,
    tick: Tick,
) -> Result<Vec<(Method, Judged)>> {
    let plan = prepare(plan, samples, tick)?;
    observe(plan.clone(), Method::ALL, samples, known, tick)?;
    let one = |&method: &Method| {
        let mut quantized: Quantized = calibrate(plan.with_method(method), samples, known, tick)?;
        finish(&mut quantized, samples, tick)?;
        Ok((method, judge.judge(&quantized, tick)?))
    };
    Method::ALL.iter().map(one).collect()
}

/// Measures every observer, and compares the best with the one of the settings.
pub fn observers(
    plan: &Plan,
    samples: &dyn Samples,
    judged_on: &dyn Samples,
    known: &mut Observations,
    tick: Tick,
) -> Result<Observers> {
    let judge = Judge::new(plan, judged_on, None, tick)?;
    Ok(compare(&each(plan, samples, &judge, known, tick)?, plan.settings.method_of("")))
}

/// The one with the least error, unless its gain over `set` is within its standard error.
fn compare(each: &[(Method, Judged)], set: Method) -> Observers {
    let given = each.iter().find(|(method, _)| *method == set).map(|(_, judged)| judged);
    let less = |judged: &Judged| given.map_or(Spread::default(), |given| given.less(judged));
    let finite = each.iter().filter(|(_, judged)| judged.figure.nsr.is_finite());
    let least = finite.min_by(|a, b| a.1.figure.nsr.total_cmp(&b.1.figure.nsr));
    let is_better = |judged: &Judged| less(judged).is_gain() || given.is_none_or(|given| !given.figure.nsr.is_finite());
    let best = least.filter(|(_, judged)| is_better(judged)).map_or(set, |(method, _)| *method);
    let tried = each.iter().map(|(method, judged)| TriedObserver {
        method: *method,
        error: Spread { mean: judged.figure.nsr, standard_error: judged.figure.standard_error },
    });
    Observers { set, best, tried: tried.collect() }
}

#[cfg(test)]
mod tests {
    use super::super::judge::Figure;
    use super::*;

    fn judged(each: &[f64]) -> Judged {
        let Spread { mean, standard_error } = Spread::of(each);
        Judged {
            figure: Figure { nsr: mean, standard_error, agreement: 1.0, boxes: None },
            each: each.to_vec(),
            found: Vec::new(),
        }
    }

    #[test]
    fn the_least_error_is_the_best_where_it_is_more_than_noise() {
        let kl = (Method::Kl, judged(&[0.2, 0.3, 0.1]));
        let better = (Method::MinMax, judged(&[0.1, 0.2, 0.05]));
        let noise = (Method::Percentile, judged(&[0.0, 0.6, 0.0]));
        assert_eq!(compare(&[kl.clone(), better.clone()], Method::Kl).best, Method::MinMax);
        assert_eq!(compare(&[kl.clone(), noise], Method::Kl).best, Method::Kl);
        assert_eq!(compare(&[kl, better], Method::MinMax).best, Method::MinMax);
    }

    #[test]
    fn any_finite_error_is_better_than_none() {
        let broken = (Method::Kl, judged(&[f64::NAN, 0.1]));
        let sound = (Method::MinMax, judged(&[0.1, 0.2]));
        assert_eq!(compare(&[broken, sound], Method::Kl).best, Method::MinMax);
    }
}
