//! Search for the smallest set of layers that brings an error under its limit when widened, within limits on cost.

use crate::Result;

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
    /// Returns the error with a set widened.
    fn error(&mut self, set: &[usize]) -> Result<f64>;
    /// Returns what a set costs more than none; `None` if it exceeds a limit.
    fn cost(&mut self, set: &[usize]) -> Result<Option<f64>>;
}

/// Number of candidates, the worst ones, that are measured alone.
const SINGLES: usize = 8;

/// Searches a small set of candidates (with their gains alone, ordered by likelihood) whose error is at most `limit`.
///
/// If one layer is sufficient, the result is the cheapest such layer. Otherwise it is the shortest prefix of the layers that
/// help most, found by bisection, without those that turn out to be unnecessary. If that exceeds a limit on cost, the search
/// is repeated among the layers that gain most for their cost, as many as keep the limits. No layer of the result can be
/// left out, but another set of the same size may exist.
pub fn smallest_sufficient_set(gains: &[f64], limit: f64, sets: &mut dyn Sets) -> Result<Searched> {
    let mut search = Search { sets, limit, refused: None };
    let singles = search.singles(gains.len())?;
    let alone = singles.iter().filter(|(error, _)| *error <= limit);
    let alone = alone.map(|&(error, layer)| SufficientSet { layers: vec![layer], error }).collect();
    if let Some(taken) = search.cheapest(alone)? {
        return Ok(Searched { taken: Some(taken), refused: None });
    }
    if search.refused.is_none() {
        let order: Vec<usize> = singles.iter().map(|&(_, layer)| layer).chain(SINGLES..gains.len()).collect();
        // One layer is known to be insufficient.
        let Some(found) = search.shortest_run(&order, 1)? else { return Ok(Searched::default()) };
        let found = search.without_unnecessary(found)?;
        if let Some(taken) = search.cheapest(vec![found])? {
            return Ok(Searched { taken: Some(taken), refused: None });
        }
    }
    let order = most_within_limits(gains, search.sets)?;
    let taken = match search.shortest_run(&order, 0)? {
        Some(found) => {
            let found = search.without_unnecessary(found)?;
            search.cheapest(vec![found])?
        }
        None => None,
    };
    Ok(Searched { refused: search.refused.filter(|_| taken.is_none()), taken })
}

/// Returns as many candidates as keep the limits on cost, those that gain most for their cost first.
pub fn most_within_limits(gains: &[f64], sets: &mut dyn Sets) -> Result<Vec<usize>> {
    let mut worth = Vec::new();
    for (layer, gain) in gains.iter().enumerate() {
        if let Some(cost) = sets.cost(&[layer])? {
            // What costs nothing is worth most.
            worth.push((if cost > 0.0 { gain / cost } else { f64::INFINITY }, layer));
        }
    }
    worth.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut within = Vec::new();
    for (_, layer) in worth {
        within.push(layer);
        if sets.cost(&within)?.is_none() {
            within.pop();
        }
    }
    Ok(within)
}

struct Search<'s> {
    sets: &'s mut dyn Sets,
    limit: f64,
    refused: Option<SufficientSet>,
}

impl Search<'_> {
    /// Measures the first candidates alone; the least error first.
    fn singles(&mut self, candidates: usize) -> Result<Vec<(f64, usize)>> {
        let layers = 0..candidates.min(SINGLES);
        let mut singles = layers.map(|layer| Ok((self.sets.error(&[layer])?, layer))).collect::<Result<Vec<_>>>()?;
        singles.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(singles)
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

    /// Leaves out layers without which the set is still sufficient.
    fn without_unnecessary(&mut self, mut found: SufficientSet) -> Result<SufficientSet> {
        if found.layers.len() < 2 {
            return Ok(found);
        }
        // The last ones help least.
        for layer in found.layers.clone().into_iter().rev() {
            let less: Vec<usize> = found.layers.iter().copied().filter(|&l| l != layer).collect();
            let error = self.sets.error(&less)?;
            if error <= self.limit {
                found = SufficientSet { layers: less, error };
            }
        }
        Ok(found)
    }

    /// Returns the shortest sufficient prefix of an order; the first `short` of it are known to be insufficient.
    fn shortest_run(&mut self, order: &[usize], mut short: usize) -> Result<Option<SufficientSet>> {
        // Lengths are doubled first: few layers are the usual result, and measuring all is slow.
        let mut long = (short + 1).min(order.len());
        let mut error = f64::INFINITY;
        while long > short {
            error = self.sets.error(&order[..long])?;
            if error <= self.limit {
                break;
            }
            (short, long) = (long, (2 * long).min(order.len()));
        }
        if error > self.limit || error.is_nan() {
            return Ok(None);
        }
        while long - short > 1 {
            let middle = short + (long - short) / 2;
            let there = self.sets.error(&order[..middle])?;
            if there <= self.limit {
                (long, error) = (middle, there);
            } else {
                short = middle;
            }
        }
        Ok(Some(SufficientSet { layers: order[..long].to_vec(), error }))
    }
}

/// Returns the number of sets that a search usually measures: those of one layer, a run that doubles and is halved, and the layers that
/// are left out of it again.
pub fn usual_sets(candidates: usize) -> usize {
    let halvings = candidates.max(1).ilog2() as usize;
    candidates.min(SINGLES) + 3 * halvings
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
        assert_eq!(search(&many, many[20..].iter().sum()).unwrap().len(), 20);
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
