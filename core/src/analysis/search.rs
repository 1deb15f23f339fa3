//! Search for the smallest set of layers that brings an error under its limit when widened, within limits on cost.

use crate::Result;
use crate::order;

/// Set of candidates, and the error with them widened.
#[derive(Debug, Clone, PartialEq)]
pub struct SufficientSet {
    /// Indices among the candidates.
    pub layers: Vec<usize>,
    /// Error with these layers widened.
    pub error: f64,
}

/// Result of a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Searched {
    /// Set that is sufficient and within the limits.
    pub taken: Option<SufficientSet>,
    /// Sufficient set that exceeds a limit, if none within them was found.
    pub refused: Option<SufficientSet>,
}

/// Sets of candidates, by index, as they are measured.
pub trait Sets {
    /// Returns the error with none widened.
    fn before(&self) -> f64;
    /// Returns the error with a set widened.
    fn error(&mut self, set: &[usize]) -> Result<f64>;
    /// Returns what a set costs more than none; `None` if it exceeds a limit.
    fn cost(&mut self, set: &[usize]) -> Result<Option<f64>>;
}

/// Number of candidates, those that gain most, that are measured alone.
const SINGLES: usize = 8;
/// Multiple of the limit up to which a set may turn out to be sufficient, by the sum of the errors alone.
const NEAR: f64 = 2.0;
/// Sets that are measured to find out which layers of a set are unnecessary.
const LEFT_OUT: usize = 12;

/// Searches a cheap set of candidates (with their gains alone) whose error is at most `limit`.
///
/// If one layer is sufficient, the result is the cheapest such layer. Otherwise it is the first prefix of the layers that
/// gain most for their cost, without those that turn out to be unnecessary. If that exceeds a limit on cost, the
/// search is repeated among as many layers as keep the limits. Of a small set no layer can be left out; of a large one, groups of layers
/// are tried first, and only so many.
pub fn smallest_sufficient_set(gains: &[f64], limit: f64, sets: &mut dyn Sets) -> Result<Searched> {
    let mut search = Search { gains, limit, refused: None, sets };
    let alone = search.sufficient_alone()?;
    if let Some(taken) = search.cheapest(alone)? {
        return Ok(Searched { taken: Some(taken), refused: None });
    }
    if search.refused.is_none() {
        let order = by_worth(gains, search.sets)?;
        let Some(found) = search.sufficient_part(&order)? else { return Ok(Searched::default()) };
        if let Some(taken) = search.cheapest(vec![found])? {
            return Ok(Searched { taken: Some(taken), refused: None });
        }
    }
    let order = most_within_limits(gains, search.sets)?;
    let taken = match search.sufficient_part(&order)? {
        Some(found) => search.cheapest(vec![found])?,
        None => None,
    };
    Ok(Searched { refused: search.refused.filter(|_| taken.is_none()), taken })
}

/// Adds the candidates that gain most for their cost to a set that is not sufficient, twice as many each time, until it is and
/// keeps the limits on cost.
pub fn completed(set: &[usize], gains: &[f64], limit: f64, sets: &mut dyn Sets) -> Result<Option<SufficientSet>> {
    let mut others = by_worth(gains, sets)?;
    others.retain(|layer| !set.contains(layer));
    let mut more = 1;
    loop {
        let layers = [set, &others[..more.min(others.len())]].concat();
        let error = sets.error(&layers)?;
        if error <= limit {
            return Ok(sets.cost(&layers)?.map(|_| SufficientSet { layers, error }));
        }
        if more >= others.len() {
            return Ok(None);
        }
        more *= 2;
    }
}

/// Returns as many candidates as keep the limits on cost, those that gain most for their cost first.
pub fn most_within_limits(gains: &[f64], sets: &mut dyn Sets) -> Result<Vec<usize>> {
    let mut within = Vec::new();
    for layer in by_worth(gains, sets)? {
        within.push(layer);
        if sets.cost(&within)?.is_none() {
            within.pop();
        }
    }
    Ok(within)
}

/// Returns the candidates, those that gain most for their cost first; one that exceeds a limit alone is last.
pub fn by_worth(gains: &[f64], sets: &mut dyn Sets) -> Result<Vec<usize>> {
    let mut worth = Vec::new();
    for (layer, gain) in gains.iter().enumerate() {
        let by_cost = |cost: f64| if cost > 0.0 { gain / cost } else { f64::INFINITY };
        worth.push((sets.cost(&[layer])?.map_or(f64::NEG_INFINITY, by_cost), layer));
    }
    order::sort_by(&mut worth, |a, b| b.0.total_cmp(&a.0));
    Ok(worth.into_iter().map(|(_, layer)| layer).collect())
}

struct Search<'s> {
    gains: &'s [f64],
    limit: f64,
    refused: Option<SufficientSet>,
    sets: &'s mut dyn Sets,
}

impl Search<'_> {
    /// Returns `true` if the rest exceeds the limit by far where errors add up. A prediction that is not a number says nothing.
    fn is_hopeless(&self, set: &[usize]) -> bool {
        let sum = |gains: &mut dyn Iterator<Item = f64>| gains.filter(|gain| gain.is_finite()).sum::<f64>();
        let share = sum(&mut set.iter().map(|&layer| self.gains[layer])) / sum(&mut self.gains.iter().copied());
        self.sets.before() * (1.0 - share) > NEAR * self.limit
    }

    /// Returns the single layers that are sufficient.
    fn sufficient_alone(&mut self) -> Result<Vec<SufficientSet>> {
        let mut order: Vec<usize> = (0..self.gains.len()).collect();
        order::sort_by(&mut order, |&a, &b| self.gains[b].total_cmp(&self.gains[a]));
        let mut found = Vec::new();
        for layer in order.into_iter().take(SINGLES) {
            if self.is_hopeless(&[layer]) {
                continue;
            }
            let error = self.sets.error(&[layer])?;
            if error <= self.limit {
                found.push(SufficientSet { layers: vec![layer], error });
            }
        }
        Ok(found)
    }

    /// Returns the cheapest of sufficient sets; if all exceed a limit, the first is kept as refused.
    fn cheapest(&mut self, found: Vec<SufficientSet>) -> Result<Option<SufficientSet>> {
        let mut best: Option<(f64, SufficientSet)> = None;
        for set in found {
            match self.sets.cost(&set.layers)? {
                Some(cost) if best.as_ref().is_none_or(|(least, _)| cost < *least) => best = Some((cost, set)),
                Some(_) => {}
                None => self.refused = self.refused.take().or(Some(set)),
            }
        }
        Ok(best.map(|(_, set)| set))
    }

    /// Returns a sufficient part of candidates in their order.
    fn sufficient_part(&mut self, order: &[usize]) -> Result<Option<SufficientSet>> {
        let found = self.shortest_run(order)?;
        found.map(|found| self.without_unnecessary(found)).transpose()
    }

    /// Leaves out layers without which the set is still sufficient: groups of a large set, then single layers, the last ones, which
    /// are worth least, first.
    fn without_unnecessary(&mut self, mut found: SufficientSet) -> Result<SufficientSet> {
        let count = found.layers.len();
        let mut group = if count <= LEFT_OUT { 1 } else { count / 4 };
        let mut left = LEFT_OUT;
        loop {
            let mut end = found.layers.len();
            while end > 0 && left > 0 && found.layers.len() > 1 {
                let start = end.saturating_sub(group);
                let less = [&found.layers[..start], &found.layers[end..]].concat();
                end = start;
                if less.is_empty() {
                    continue;
                }
                left -= 1;
                let error = self.sets.error(&less)?;
                if error <= self.limit {
                    found = SufficientSet { layers: less, error };
                }
            }
            if group == 1 || left == 0 {
                return Ok(found);
            }
            group /= 2;
        }
    }

    /// Returns the first sufficient prefix of an order, each longer by a quarter than the one before. The error of few samples jumps:
    /// a longer prefix can have more of it, so that bisection would leave out short ones.
    fn shortest_run(&mut self, order: &[usize]) -> Result<Option<SufficientSet>> {
        let mut length = (1..order.len()).find(|&length| !self.is_hopeless(&order[..length])).unwrap_or(order.len());
        while length > 0 {
            let error = self.sets.error(&order[..length])?;
            if error <= self.limit {
                return Ok(Some(SufficientSet { layers: order[..length].to_vec(), error }));
            }
            if length == order.len() {
                break;
            }
            length = (length + (length / 4).max(1)).min(order.len());
        }
        Ok(None)
    }
}

/// Returns the number of sets that a search usually measures: prefixes of the order, and groups that are left out of one.
pub fn usual_sets(candidates: usize) -> usize {
    candidates.min(SINGLES) + candidates.min(LEFT_OUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Model of an error in which each layer has its share; widening removes it.
    struct Shares<'a> {
        shares: &'a [f64],
        /// Cost of each layer, and the most that all may cost.
        costs: &'a [f64],
        most: f64,
    }

    impl Sets for Shares<'_> {
        fn before(&self) -> f64 {
            self.shares.iter().sum()
        }

        fn error(&mut self, set: &[usize]) -> Result<f64> {
            Ok((0..self.shares.len()).filter(|layer| !set.contains(layer)).map(|layer| self.shares[layer]).sum())
        }

        fn cost(&mut self, set: &[usize]) -> Result<Option<f64>> {
            let cost: f64 = set.iter().map(|&layer| self.costs.get(layer).copied().unwrap_or(1.0)).sum();
            Ok((cost <= self.most).then_some(cost))
        }
    }

    /// Sets whose error is computed, all of one cost.
    struct Computed<F>(F);

    impl<F: FnMut(&[usize]) -> f64> Sets for Computed<F> {
        fn before(&self) -> f64 {
            9.0
        }

        fn error(&mut self, set: &[usize]) -> Result<f64> {
            Ok(self.0(set))
        }

        fn cost(&mut self, _set: &[usize]) -> Result<Option<f64>> {
            Ok(Some(1.0))
        }
    }

    fn sorted(set: Option<SufficientSet>) -> Option<Vec<usize>> {
        let mut layers = set?.layers;
        layers.sort_unstable();
        Some(layers)
    }

    fn within(shares: &[f64], limit: f64, costs: &[f64], most: f64) -> [Option<Vec<usize>>; 2] {
        let found = smallest_sufficient_set(shares, limit, &mut Shares { shares, costs, most }).unwrap();
        [found.taken, found.refused].map(sorted)
    }

    fn search(shares: &[f64], limit: f64) -> Option<Vec<usize>> {
        let [taken, refused] = within(shares, limit, &[], f64::INFINITY);
        assert_eq!(refused, None);
        taken
    }

    #[test]
    fn one_layer_is_found_if_sufficient() {
        assert_eq!(search(&[1.0, 5.0, 2.0], 3.5), Some(vec![1]));
    }

    #[test]
    fn of_several_sufficient_layers_the_cheapest_is_taken() {
        let taken = |costs: &[f64]| within(&[5.0, 4.0, 1.0], 6.0, costs, f64::INFINITY)[0].clone();
        assert_eq!(taken(&[9.0, 2.0, 1.0]), Some(vec![1]));
        assert_eq!(taken(&[2.0, 9.0, 1.0]), Some(vec![0]));
    }

    #[test]
    fn the_set_has_no_unnecessary_layer() {
        assert_eq!(search(&[3.0, 1.0, 4.0, 1.0, 5.0, 0.5], 3.0), Some(vec![0, 2, 4]));
        let many: Vec<f64> = (0..40).map(|l| 1.0 / (l + 1) as f64).collect();
        let found = search(&many, many[20..].iter().sum()).unwrap();
        assert!(found.starts_with(&(0..20).collect::<Vec<_>>()) && found.len() <= 22, "{found:?}");
    }

    #[test]
    fn a_limit_on_cost_changes_the_set() {
        // One large layer is sufficient; within 50, two small ones are.
        let (shares, costs) = ([6.0, 3.0, 3.0, 1.0], [100.0, 20.0, 20.0, 20.0]);
        assert_eq!(within(&shares, 7.0, &costs, 200.0), [Some(vec![0]), None]);
        assert_eq!(within(&shares, 7.0, &costs, 50.0), [Some(vec![1, 2]), None]);
    }

    #[test]
    fn a_sufficient_set_over_the_limits_is_refused() {
        let (shares, costs) = ([6.0, 3.0, 3.0, 1.0], [100.0, 20.0, 20.0, 20.0]);
        assert_eq!(within(&shares, 7.0, &costs, 30.0), [None, Some(vec![0])]);
        assert_eq!(within(&shares, 2.0, &costs, 110.0), [None, Some(vec![0, 1, 2])]);
    }

    #[test]
    fn the_limits_are_filled_by_what_gains_most_for_its_cost() {
        let mut sets = Shares { shares: &[6.0, 3.0, 3.0, 1.0], costs: &[100.0, 20.0, 20.0, 20.0], most: 60.0 };
        assert_eq!(most_within_limits(sets.shares, &mut sets).unwrap(), [1, 2, 3]);
        sets.most = 125.0;
        assert_eq!(most_within_limits(sets.shares, &mut sets).unwrap(), [1, 2, 3]);
        sets.most = 0.0;
        assert_eq!(most_within_limits(sets.shares, &mut sets).unwrap(), [0; 0]);
    }

    #[test]
    fn no_set_is_found_if_all_layers_are_insufficient() {
        let nothing = Searched::default();
        let found = |count: usize, error: f64| {
            smallest_sufficient_set(&vec![1.0; count], 0.5, &mut Computed(|_: &[usize]| error))
        };
        assert_eq!(found(5, 1.0).unwrap(), nothing);
        assert_eq!(found(0, 1.0).unwrap(), nothing);
        assert_eq!(found(2, f64::NAN).unwrap(), nothing);
    }

    #[test]
    fn an_insufficient_set_is_completed_by_what_gains_most_for_its_cost() {
        let mut sets = Shares { shares: &[6.0, 3.0, 3.0, 1.0], costs: &[100.0, 20.0, 20.0, 20.0], most: 200.0 };
        let completed = |set: &[usize], limit, sets: &mut Shares| {
            completed(set, sets.shares, limit, sets).unwrap().map(|found| found.layers)
        };
        assert_eq!(completed(&[3], 9.5, &mut sets), Some(vec![3, 1]));
        assert_eq!(completed(&[3], 6.5, &mut sets), Some(vec![3, 1, 2]));
        assert_eq!(completed(&[3], -1.0, &mut sets), None);
        sets.most = 50.0;
        assert_eq!(completed(&[3], 6.5, &mut sets), None);
    }

    #[test]
    fn a_layer_that_cannot_be_sufficient_alone_is_not_measured_alone() {
        let mut measured = Vec::new();
        let error = |layers: &[usize]| {
            measured.push(layers.to_vec());
            9.0 - 0.9 * layers.len() as f64
        };
        smallest_sufficient_set(&[1.0; 10], 1.0, &mut Computed(error)).unwrap();
        assert!(measured.iter().all(|layers| layers.len() > 1), "{measured:?}");
    }

    #[test]
    fn unnecessary_layers_are_removed() {
        // Layers 0 and 1 help most alone, but only 2 and 3 together are sufficient.
        let error = |layers: &[usize]| {
            let has = |l| layers.contains(&l);
            if has(2) && has(3) { 0.0 } else { 9.0 - layers.iter().map(|&l| 1.0 / (l + 1) as f64).sum::<f64>() }
        };
        let found = smallest_sufficient_set(&[1.0; 6], 1.0, &mut Computed(error)).unwrap();
        assert_eq!(found.taken.unwrap().layers, [2, 3]);
    }
}
