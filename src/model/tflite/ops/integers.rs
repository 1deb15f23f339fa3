//! Sizes that the model computes from shapes, as where a batch is free: computed here, since all shapes are known.

use super::index::set_ints;
use crate::Result;
use crate::model::tflite::file::Operator;
use crate::model::tflite::lowering::Lowering;

/// Length of lists of integers that can be sizes.
const MOST: usize = 64;

/// Computes an operator whose inputs are all lists of integers; `false` if it is another.
pub fn fold(l: &mut Lowering, op: &Operator) -> Result<bool> {
    // Outputs of the model are never folded: they keep their nodes.
    let (Some(combine), [output]) = (find(op.code), op.outputs.as_slice()) else { return Ok(false) };
    if op.inputs.is_empty() || l.file.outputs.contains(output) {
        return Ok(false);
    }
    let mut lists = Vec::new();
    for port in 0..op.inputs.len() {
        let Some(constant) = op.optional(port).map(|input| l.constant(input)).transpose()?.flatten() else {
            return Ok(false);
        };
        match constant.to_i64s() {
            Some(ints) if constant.rank() <= 1 && ints.len() <= MOST => lists.push((ints, constant.rank() == 1)),
            _ => return Ok(false),
        }
    }
    let is_vector = lists.iter().any(|(_, is_vector)| *is_vector);
    let ints: Vec<&[i64]> = lists.iter().map(|(ints, _)| ints.as_slice()).collect();
    let Some(made) = combine(&ints) else { return Ok(false) };
    let is_vector = match op.code {
        PACK => true,
        PRODUCT => op.flag(0)?,
        _ => is_vector,
    };
    set_ints(l, op, made, is_vector)?;
    Ok(true)
}

type Combine = fn(&[&[i64]]) -> Option<Vec<i64>>;

const PACK: u32 = 83;
const PRODUCT: u32 = 81;

fn find(code: u32) -> Option<Combine> {
    Some(match code {
        0 => |lists| pairwise(lists, i64::checked_add),
        // CONCATENATION
        2 => |lists| Some(lists.concat()),
        18 => |lists| pairwise(lists, i64::checked_mul),
        41 => |lists| pairwise(lists, i64::checked_sub),
        42 | 90 => |lists| pairwise(lists, i64::checked_div_euclid),
        // CAST
        53 => |lists| lists.first().map(|list| list.to_vec()),
        55 => |lists| pairwise(lists, |a, b| Some(a.max(b))),
        57 => |lists| pairwise(lists, |a, b| Some(a.min(b))),
        PRODUCT => |lists| Some(vec![lists.first()?.iter().try_fold(1i64, |all, &int| all.checked_mul(int))?]),
        PACK => |lists| lists.iter().map(|list| (list.len() == 1).then(|| list[0])).collect(),
        _ => return None,
    })
}

/// Combines two lists element by element; one of them may be a single number.
fn pairwise(lists: &[&[i64]], combine: fn(i64, i64) -> Option<i64>) -> Option<Vec<i64>> {
    let &[a, b] = lists else { return None };
    if a.len() != b.len() && a.len() != 1 && b.len() != 1 {
        return None;
    }
    let length = if a.len() == 1 { b.len() } else { a.len() };
    let at = |list: &[i64], at: usize| list.get(if list.len() == 1 { 0 } else { at }).copied();
    (0..length).map(|place| combine(at(a, place)?, at(b, place)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_combine_or_stay() {
        let combine = |code: u32, lists: &[&[i64]]| find(code).unwrap()(lists);
        assert_eq!(combine(0, &[&[1, 2], &[3]]), Some(vec![4, 5]));
        assert_eq!(combine(PACK, &[&[1], &[2]]), Some(vec![1, 2]));
        assert_eq!(combine(PRODUCT, &[&[2, 3], &[0]]), Some(vec![6]));
        assert_eq!(combine(2, &[&[2, 3], &[4]]), Some(vec![2, 3, 4]));
        assert_eq!(combine(42, &[&[4], &[0]]), None);
        assert_eq!(combine(18, &[&[i64::MAX], &[2]]), None);
        assert_eq!(combine(0, &[&[1, 2], &[1, 2, 3]]), None);
    }
}
