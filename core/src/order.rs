//! Stable sorts that are compiled once. The standard library's are compiled for each type and comparison: with a hundred of them,
//! 6 KB each, they were a twentieth of the program.
//!
//! Never: sorts of many elements, which the standard library does in half of the time.

use std::cmp::Ordering;

/// Sorts items by a comparison; equal ones keep their order.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let order = order(items.len(), &|a, b| compare(&items[a], &items[b]));
    arrange(items, order);
}

/// Sorts items by a key; equal ones keep their order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Returns the indices in the order of their items.
fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| compare(a, b));
    order
}

/// Moves each item to its place: `from` has the index of the item for each place.
fn arrange<T>(items: &mut [T], mut from: Vec<usize>) {
    for start in 0..items.len() {
        let mut place = start;
        // Along the cycle that ends where it began; a place that is its own source is done.
        while from[place] != start {
            let source = from[place];
            items.swap(place, source);
            from[place] = place;
            place = source;
        }
        from[place] = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn sorts_as_the_standard_library_does(items: Vec<(u8, u16)>) {
            // Many are equal, and keep their order.
            let by_rest = |a: &(u8, u16), b: &(u8, u16)| (a.0 % 4).cmp(&(b.0 % 4)).reverse();
            let (mut ours, mut standard) = (items.clone(), items);
            sort_by(&mut ours, by_rest);
            standard.sort_by(by_rest);
            proptest::prop_assert_eq!(&ours, &standard);
            sort_by_key(&mut ours, |item| item.1 % 4);
            standard.sort_by_key(|item| item.1 % 4);
            proptest::prop_assert_eq!(ours, standard);
        }
    }
}
