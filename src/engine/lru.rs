//! Cache of the most recently used values, by key.

use std::sync::{Arc, Mutex, PoisonError};

use super::content::Key;

pub struct Lru<T> {
    /// Values; the most recently used one is last.
    kept: Mutex<Vec<(Key, Arc<T>)>>,
    capacity: usize,
}

impl<T> Lru<T> {
    pub fn new(capacity: usize) -> Lru<T> {
        Lru { kept: Mutex::new(Vec::new()), capacity }
    }

    pub fn get(&self, key: &Key) -> Option<Arc<T>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(k, _)| k == key)?;
        let entry = kept.remove(at);
        let found = entry.1.clone();
        kept.push(entry);
        Some(found)
    }

    /// Returns all values but one.
    pub fn others(&self, key: &Key) -> Vec<Arc<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|(k, _)| k != key).map(|(_, value)| value.clone()).collect()
    }

    /// Stores a value, and returns the stored one: two threads may have computed it at the same time.
    pub fn keep(&self, key: Key, value: Arc<T>) -> Arc<T> {
        if let Some(there) = self.get(&key) {
            return there;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((key, value.clone()));
        if kept.len() > self.capacity {
            kept.remove(0);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::content::KeyBuilder;

    #[test]
    fn the_least_recently_used_value_is_dropped() {
        let key = |n: usize| KeyBuilder::new("test").number(n).finish();
        let lru = Lru::new(2);
        for n in [1, 2] {
            lru.keep(key(n), Arc::new(n));
        }
        lru.get(&key(1));
        lru.keep(key(3), Arc::new(3));
        let there: Vec<bool> = [1, 2, 3].iter().map(|&n| lru.get(&key(n)).is_some()).collect();
        assert_eq!(there, [true, false, true]);
    }
}
