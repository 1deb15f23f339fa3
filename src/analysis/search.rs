//! The smallest set of layers that, widened, brings an error under its limit; found by measuring.

use crate::Result;

/// Candidates by index, and the error with them widened.
#[derive(Debug, Clone, PartialEq)]
pub struct Enough {
    /// Indices among the candidates.
    pub layers: Vec<usize>,
    /// Error with these layers widened.
    pub error: f64,
}

/// So many single candidates, the worst ones, are measured alone.
const SINGLES: usize = 8;

/// Looks for few of `candidates` layers (the likeliest first) with which `measure` is at most `limit`.
///
/// One layer, where one is enough: then nothing smaller exists. Otherwise the shortest run of the layers that help
/// most, by bisection, less those that turn out not to be needed; no layer of what is returned can be left out,
/// though another set as small may exist. `None`: even all of them are not enough.
pub fn enough(
    candidates: usize,
    limit: f64,
    measure: &mut dyn FnMut(&[usize]) -> Result<f64>,
) -> Result<Option<Enough>> {
    let mut singles = Vec::new();
    for layer in 0..candidates.min(SINGLES) {
        singles.push((measure(&[layer])?, layer));
    }
    singles.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some(&(error, layer)) = singles.first().filter(|(error, _)| *error <= limit) {
        return Ok(Some(Enough { layers: vec![layer], error }));
    }
    let order: Vec<usize> = singles.iter().map(|&(_, layer)| layer).chain(SINGLES..candidates).collect();
    let Some(mut found) = shortest_run(&order, limit, measure)? else { return Ok(None) };
    // The last ones helped least alone.
    for layer in found.layers.clone().into_iter().rev() {
        let less: Vec<usize> = found.layers.iter().copied().filter(|&l| l != layer).collect();
        let error = measure(&less)?;
        if error <= limit {
            found = Enough { layers: less, error };
        }
    }
    Ok(Some(found))
}

fn shortest_run(
    order: &[usize],
    limit: f64,
    measure: &mut dyn FnMut(&[usize]) -> Result<f64>,
) -> Result<Option<Enough>> {
    // One is known not to be enough. Doubling first: few layers are the usual answer, and all of them are slow.
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
    Ok(Some(Enough { layers: order[..long].to_vec(), error }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each layer has its share of the error; widening takes it away.
    fn search(shares: &[f64], limit: f64) -> Option<Vec<usize>> {
        let mut measure =
            |layers: &[usize]| Ok((0..shares.len()).filter(|l| !layers.contains(l)).map(|l| shares[l]).sum::<f64>());
        enough(shares.len(), limit, &mut measure).unwrap().map(|mut e| {
            e.layers.sort_unstable();
            e.layers
        })
    }

    #[test]
    fn one_layer_where_one_is_enough() {
        assert_eq!(search(&[1.0, 5.0, 2.0], 3.5), Some(vec![1]));
    }

    #[test]
    fn as_few_as_are_needed_of_many() {
        assert_eq!(search(&[3.0, 1.0, 4.0, 1.0, 5.0, 0.5], 3.0), Some(vec![0, 2, 4]));
        let many: Vec<f64> = (0..40).map(|l| 1.0 / (l + 1) as f64).collect();
        assert_eq!(search(&many, many[20..].iter().sum()).unwrap().len(), 20);
    }

    #[test]
    fn none_where_all_are_not_enough() {
        let mut measure = |_: &[usize]| Ok(1.0);
        assert_eq!(enough(5, 0.5, &mut measure).unwrap(), None);
        assert_eq!(enough(0, 0.5, &mut measure).unwrap(), None);
        assert_eq!(enough(2, 0.5, &mut |_: &[usize]| Ok(f64::NAN)).unwrap(), None);
    }

    #[test]
    fn what_turns_out_not_to_be_needed_is_left_out() {
        // Layers 0 and 1 look best alone, but only 2 and 3 together do it.
        let mut measure = |layers: &[usize]| {
            let has = |l| layers.contains(&l);
            Ok(if has(2) && has(3) { 0.0 } else { 9.0 - layers.iter().map(|&l| 1.0 / (l + 1) as f64).sum::<f64>() })
        };
        assert_eq!(enough(6, 1.0, &mut measure).unwrap().unwrap().layers, [2, 3]);
    }
}
