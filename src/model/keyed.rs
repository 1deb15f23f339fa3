//! Maps by names, of which a file has thousands: hashed eight bytes at a time.
//!
//! The hash starts from a number of the process, so that no file can be made whose names collide. Never: an order, which
//! differs from run to run.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// Map by names or numbers.
pub type Map<K, V> = HashMap<K, V, Start>;

/// Set of names or numbers.
pub type Set<K> = HashSet<K, Start>;

/// Returns a map with room for a number of entries: growing one hashes all of them again.
pub fn map<K, V>(room: usize) -> Map<K, V> {
    Map::with_capacity_and_hasher(room, Start::default())
}

/// Number of the process from which hashes start.
#[derive(Clone)]
pub struct Start(u64);

impl Default for Start {
    fn default() -> Start {
        static START: OnceLock<u64> = OnceLock::new();
        Start(*START.get_or_init(|| RandomState::new().hash_one(0)))
    }
}

impl BuildHasher for Start {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// Product of all words so far, its halves folded onto each other.
pub struct Folded(u64);

impl Folded {
    fn fold(&mut self, word: u64) {
        /// Fraction of the golden ratio, which has as many ones as zeros in each part, and is odd.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.fold(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.fold(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.fold(byte.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_little_have_other_hashes() {
        let start = Start::default();
        let names = (0..4096).flat_map(|n| [format!("p_features_{n}_weight"), format!("{n}"), format!("{n}\0")]);
        let hashes: HashSet<u64> = names.map(|name| start.hash_one(name.as_str())).collect();
        assert_eq!(hashes.len(), 3 * 4096);
    }
}
