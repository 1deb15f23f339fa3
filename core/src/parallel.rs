//! Work on all cores: a function is called once for each index, and its results are in the order of the indices.
//!
//! All loops share one compiled distribution of work. Each call is stolen alone, so that a long one delays no others.
//!
//! Never: work inside an operator, results that depend on the number of threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::Result;

/// Returns the results for the indices below `count`.
pub fn map<T: Send>(count: usize, each: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let results = slots(count);
    distribute(count, &|index| put(&results[index], each(index)));
    taken(results).collect()
}

/// Returns the results for the indices below `count`, or the error of the first one that has failed. Indices that were
/// not begun when one failed are left out.
pub fn try_map<T: Send>(count: usize, each: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let (results, has_failed) = (slots(count), AtomicBool::new(false));
    distribute(count, &|index| {
        if !has_failed.load(Ordering::Relaxed) {
            let result = each(index);
            has_failed.fetch_or(result.is_err(), Ordering::Relaxed);
            put(&results[index], result);
        }
    });
    taken(results).collect()
}

/// Changes the items, each on one thread.
pub fn try_change<T: Send>(items: &mut [T], change: impl Fn(usize, &mut T) -> Result<()> + Sync) -> Result<()> {
    let items: Vec<Mutex<&mut T>> = items.iter_mut().map(Mutex::new).collect();
    let all =
        try_map(items.len(), |index| change(index, &mut items[index].lock().unwrap_or_else(PoisonError::into_inner)));
    all.map(|_| ())
}

/// Like [`try_change`], for changes that cannot fail.
pub fn change<T: Send>(items: &mut [T], change: impl Fn(usize, &mut T) + Sync) {
    let items: Vec<Mutex<&mut T>> = items.iter_mut().map(Mutex::new).collect();
    distribute(items.len(), &|index| change(index, &mut items[index].lock().unwrap_or_else(PoisonError::into_inner)));
}

fn distribute(count: usize, each: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().with_max_len(1).for_each(each);
}

fn slots<T>(count: usize) -> Vec<Mutex<Option<T>>> {
    std::iter::repeat_with(|| Mutex::new(None)).take(count).collect()
}

fn put<T>(slot: &Mutex<Option<T>>, result: T) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
}

fn taken<T>(slots: Vec<Mutex<Option<T>>>) -> impl Iterator<Item = T> {
    slots.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn results_are_in_the_order_of_the_indices() {
        assert_eq!(map(100, |index| index * index), (0..100).map(|index| index * index).collect::<Vec<_>>());
        assert_eq!(try_map(3, Ok).unwrap(), [0, 1, 2]);
        assert_eq!(map(0, |index| index), [0; 0]);
    }

    #[test]
    fn the_first_error_is_returned() {
        let fails = |index: usize| if index < 7 { Ok(index) } else { Err(Error::new(format!("{index}"))) };
        assert_eq!(try_map(8, fails).unwrap_err().to_string(), "7");
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let failed = one_thread.install(|| try_map(100, fails)).unwrap_err();
        assert!(failed.to_string().parse::<usize>().unwrap() >= 7);
    }

    #[test]
    fn items_are_changed_in_place() {
        let mut items = [1, 2, 3];
        change(&mut items, |index, item| *item += index);
        assert_eq!(items, [1, 3, 5]);
        let refused = |_: usize, item: &mut usize| if *item == 3 { Err(Error::new("no")) } else { Ok(()) };
        assert!(try_change(&mut items, refused).is_err());
    }
}
