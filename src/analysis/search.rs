//! Search for the smallest set of layers that brings an error under its limit when widened.

use crate::Result;

/// Set of candidates, and the error with them widened.
#[derive(Debug, Clone, PartialEq)]
pub struct SufficientSet {
    /// Indices among the candidates.
    pub layers: Vec<usize>,
    /// Error with these layers widened.
    pub error: f64,
}

/// Number of candidates, the worst ones, that are measured alone.
const SINGLES: usize = 8;

/// Searches a small set of `candidates` layers (ordered by likelihood) for which `measure` is at most `limit`.
///
/// If one layer is sufficient, the result is one layer. Otherwise it is the shortest prefix of the layers that help
/// most, found by bisection, without those that turn out to be unnecessary. No layer of the result can be left out, but
/// another set of the same size may exist. Returns `None` if all candidates together are not sufficient.
pub fn smallest_sufficient_set(
    candidates: usize,
    limit: f64,
    measure: &mut dyn FnMut(&[usize]) -> Result<f64>,
) -> Result<Option<SufficientSet>> {
    let mut singles = Vec::new();
    for layer in 0..candidates.min(SINGLES) {
        singles.push((measure(&[layer])?, layer));
    }
    singles.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some(&(error, layer)) = singles.first().filter(|(error, _)| *error <= limit) {
        return Ok(Some(SufficientSet { layers: vec![layer], error }));
    }
    let order: Vec<usize> = singles.iter().map(|&(_, layer)| layer).chain(SINGLES..candidates).collect();
    let Some(mut found) = shortest_run(&order, limit, measure)? else { return Ok(None) };
    // The last ones helped least when measured alone.
    for layer in found.layers.clone().into_iter().rev() {
        let less: Vec<usize> = found.layers.iter().copied().filter(|&l| l != layer).collect();
        let error = measure(&less)?;
        if error <= limit {
            found = SufficientSet { layers: less, error };
        }
    }
    Ok(Some(found))
}

/// Returns the number of sets that a search usually measures: those of one layer, a run that doubles and is halved, and the layers that
/// are left out of it again.
pub fn usual_sets(candidates: usize) -> usize {
    let halvings = candidates.max(1).ilog2() as usize;
    candidates.min(SINGLES) + 3 * halvings
}

fn shortest_run(
    order: &[usize],
    limit: f64,
    measure: &mut dyn FnMut(&[usize]) -> Result<f64>,
) -> Result<Option<SufficientSet>> {
    // One layer is known to be insufficient. Lengths are doubled first: few layers are the usual result, and measuring
    // all is slow.
    let (mut short, mut long) = (1, 2.min(order.len()));
    let mut error = f64::INFINITY;
    while long > short {
        error = measure(&order[..long])?;
        if error <= limit {
            break;
        }
        (short, long) = (long, (2 * long).min(order.len()));
    }
    if error > limit || error.is_nan() {
        return Ok(None);
    }
    while long - short > 1 {
        let middle = short + (long - short) / 2;
        let there = measure(&order[..middle])?;
        if there <= limit {
            (long, error) = (middle, there);
        } else {
            short = middle;
        }
    }
    Ok(Some(SufficientSet { layers: order[..long].to_vec(), error }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Model of an error in which each layer has its share; widening removes it.
    fn search(shares: &[f64], limit: f64) -> Option<Vec<usize>> {
        let mut measure =
            |layers: &[usize]| Ok((0..shares.len()).filter(|l| !layers.contains(l)).map(|l| shares[l]).sum::<f64>());
        smallest_sufficient_set(shares.len(), limit, &mut measure).unwrap().map(|mut e| {
            e.layers.sort_unstable();
            e.layers
        })
    }

    #[test]
    fn one_layer_is_found_if_sufficient() {
        assert_eq!(search(&[1.0, 5.0, 2.0], 3.5), Some(vec![1]));
    }

    #[test]
    fn the_set_has_no_unnecessary_layer() {
        assert_eq!(search(&[3.0, 1.0, 4.0, 1.0, 5.0, 0.5], 3.0), Some(vec![0, 2, 4]));
        let many: Vec<f64> = (0..40).map(|l| 1.0 / (l + 1) as f64).collect();
        assert_eq!(search(&many, many[20..].iter().sum()).unwrap().len(), 20);
    }

    #[test]
    fn no_set_is_found_if_all_layers_are_insufficient() {
        let mut measure = |_: &[usize]| Ok(1.0);
        assert_eq!(smallest_sufficient_set(5, 0.5, &mut measure).unwrap(), None);
        assert_eq!(smallest_sufficient_set(0, 0.5, &mut measure).unwrap(), None);
        assert_eq!(smallest_sufficient_set(2, 0.5, &mut |_: &[usize]| Ok(f64::NAN)).unwrap(), None);
    }

    #[test]
    fn unnecessary_layers_are_removed() {
        // Layers 0 and 1 help most alone, but only 2 and 3 together are sufficient.
        let mut measure = |layers: &[usize]| {
            let has = |l| layers.contains(&l);
            Ok(if has(2) && has(3) { 0.0 } else { 9.0 - layers.iter().map(|&l| 1.0 / (l + 1) as f64).sum::<f64>() })
        };
        assert_eq!(smallest_sufficient_set(6, 1.0, &mut measure).unwrap().unwrap().layers, [2, 3]);
    }
}
