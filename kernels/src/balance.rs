//! Factors by channel that weigh the errors of weights and values against each other, and the errors themselves.

use super::simd::multiversion;

/// Limits and weights of the factors, by channel.
pub struct Factors<'a> {
    /// Weight of the error that a factor lowers.
    pub up: &'a [f64],
    /// Weight of the error that a factor raises.
    pub down: &'a [f64],
    /// Least factor, which counts for less than `most`.
    pub least: &'a [f64],
    /// Largest factor.
    pub most: &'a [f64],
}

/// Ranges and weights of the errors, by channel.
pub struct Errors<'a> {
    /// Weight of an error of the value.
    pub importance: &'a [f64],
    /// Range of the weights before.
    pub before: &'a [f64],
    /// Power of their inputs.
    pub before_power: &'a [f64],
    /// Weight of an error of the weights behind.
    pub behind_weight: &'a [f64],
}

multiversion! {
    /// Returns `(up / (step^2 * down))^(1/4)` for each channel, or `largest` where nothing speaks against it; at least `least / step`, at
    /// most `most`, and within `1 / largest` and `largest`.
    pub fn balanced(channels: &Factors, step: f64, largest: f64) -> Vec<f64> {
        let Factors { up, down, least, most } = channels;
        let floor = step.max(f64::MIN_POSITIVE);
        let factor = |((up, down), (least, most)): ((&f64, &f64), (&f64, &f64))| {
            let down = step * step * down;
            let wanted = if down > 0.0 { (up / down).sqrt().sqrt() } else { largest };
            wanted.max(least / floor).min(*most).clamp(1.0 / largest, largest)
        };
        up.iter().zip(*down).zip(least.iter().zip(*most)).map(factor).collect()
    }

    /// Returns the largest product of a range and its factor; 0 of none.
    pub fn largest_product(ranges: &[f64], factors: &[f64]) -> f64 {
        largest(ranges, factors, |range, factor| range * factor)
    }

    /// Returns the largest product of a range and the inverse of its factor; 0 of none.
    pub fn largest_quotient(ranges: &[f64], factors: &[f64]) -> f64 {
        largest(ranges, factors, |range, factor| range * (1.0 / factor))
    }

    /// Returns two errors for each channel: those of the value and of the weights before, and that of the weights behind. `steps` are
    /// those of values, weights before and weights behind; where the second is `None`, each channel has its own.
    pub fn errors(channels: &Errors, factors: &[f64], steps: (f64, Option<f64>, f64)) -> Vec<[f64; 2]> {
        let (value, weights, behind) = steps;
        let all = 0..factors.len();
        let (importance, own) = (&channels.importance[all.clone()], &channels.before[all.clone()]);
        let (power, weight) = (&channels.before_power[all.clone()], &channels.behind_weight[all.clone()]);
        let error = |c: usize| {
            let f = factors[c];
            let own = weights.map_or(own[c], |step| step / f);
            let before = (value * value / (f * f) + own * own * power[c]) * importance[c];
            [before, behind * behind * f * f * weight[c]]
        };
        all.map(error).collect()
    }
}

/// Lanes that a maximum is taken of side by side.
const LANES: usize = 8;

#[inline(always)]
fn largest(ranges: &[f64], factors: &[f64], of: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let ((ranges, last_ranges), (factors, last_factors)) = (ranges.as_chunks::<LANES>(), factors.as_chunks::<LANES>());
    for (ranges, factors) in ranges.iter().zip(factors) {
        for i in 0..LANES {
            let one = of(ranges[i], factors[i]);
            lanes[i] = if one > lanes[i] { one } else { lanes[i] };
        }
    }
    let last = last_ranges.iter().zip(last_factors).map(|(&range, &factor)| of(range, factor));
    lanes.into_iter().chain(last).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_balance_both_errors_within_their_limits() {
        let channels = Factors {
            up: &[16.0, 16.0, 16.0, 1e9],
            down: &[1.0, 1.0, 0.0, 1.0],
            least: &[0.0, 6.0, 0.0, 0.0],
            most: &[9.0; 4],
        };
        assert_eq!(balanced(&channels, 1.0, 64.0), [2.0, 6.0, 9.0, 9.0]);
        assert_eq!(balanced(&channels, 2.0, 64.0), [2f64.sqrt(), 3.0, 9.0, 9.0]);
    }

    #[test]
    fn the_largest_is_found_in_any_lane() {
        for at in 0..19 {
            let mut ranges = [1.0; 19];
            ranges[at] = 3.0;
            assert_eq!(largest_product(&ranges, &[2.0; 19]), 6.0);
            assert_eq!(largest_quotient(&ranges, &[2.0; 19]), 1.5);
        }
    }

    #[test]
    fn errors_are_weighted_by_channel() {
        let channels = Errors { importance: &[2.0], before: &[3.0], before_power: &[5.0], behind_weight: &[7.0] };
        assert_eq!(errors(&channels, &[2.0], (4.0, Some(6.0), 1.0)), [[98.0, 28.0]]);
        assert_eq!(errors(&channels, &[2.0], (4.0, None, 1.0)), [[98.0, 28.0]]);
    }
}
