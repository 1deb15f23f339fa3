//! Mutation of byte strings, deterministic for a seed.

/// Random numbers by splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Draws a number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len());
        &from[at]
    }
}

/// Numbers that often cause overflows.
const EDGES: [u64; 16] =
    [0, 1, 2, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xff, 0x7fff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

/// Maximum length of an input.
const LONGEST: usize = 1 << 16;

/// Makes one to eight changes to `bytes`; `other` is another input and `words` are strings of the format.
pub fn mutate(random: &mut Random, mut bytes: Vec<u8>, other: &[u8], words: &[&[u8]]) -> Vec<u8> {
    for _ in 0..1 + random.below(8) {
        change(random, &mut bytes, other, words);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8], words: &[&[u8]]) {
    let at = random.below(bytes.len());
    match random.below(12) {
        0 => bytes.truncate(at),
        1 => insert(bytes, at, &random.next().to_le_bytes()[..1]),
        2 => drop(bytes.drain(span(random, at, bytes.len()))),
        3 => {
            let copied = bytes[span(random, at, bytes.len())].to_vec();
            let to = random.below(bytes.len());
            insert(bytes, to, &copied);
        }
        4 => {
            let from = random.below(other.len());
            let copied = &other[span(random, from, other.len())];
            insert(bytes, at, copied);
        }
        5 => {
            let from = random.below(other.len());
            let copied = &other[span(random, from, other.len())];
            overwrite(bytes, at, copied);
        }
        6 if !words.is_empty() => insert(bytes, at, random.pick::<&[u8]>(words)),
        7 if !words.is_empty() => overwrite(bytes, at, random.pick::<&[u8]>(words)),
        8 | 9 => {
            let width = *random.pick(&[1, 2, 4, 8]);
            let number = random.pick(&EDGES).to_le_bytes();
            overwrite(bytes, at, &number[..width]);
        }
        10 => overwrite(bytes, at, &random.next().to_le_bytes()[..1]),
        _ => {
            let bit = random.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
    }
}

/// Returns a range from `at` on, mostly short.
fn span(random: &mut Random, at: usize, end: usize) -> std::ops::Range<usize> {
    let most = if random.below(4) == 0 { end } else { 16 };
    at.min(end)..end.min(at + random.below(most) + 1)
}

fn insert(bytes: &mut Vec<u8>, at: usize, inserted: &[u8]) {
    let at = at.min(bytes.len());
    bytes.splice(at..at, inserted.iter().copied());
}

fn overwrite(bytes: &mut [u8], at: usize, by: &[u8]) {
    for (byte, by) in bytes.iter_mut().skip(at).zip(by) {
        *byte = *by;
    }
}
