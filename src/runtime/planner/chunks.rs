//! Places of values in the arena (`MemoryManagerGreedy::simulate_with_internal_memory`, `alloc_tensor`, `free_tensor`).

use super::lives::Lives;
use super::{ALIGNMENT, Network};

/// Memory of all values of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arena {
    /// Size in bytes of the memory outside of the internal budget: PSRAM, or internal RAM on chips without it.
    pub bytes: usize,
    /// Size of the internal budget, which is allocated as a whole; 0 without one.
    pub internal_bytes: usize,
    /// Step at which the arena reaches its size; `None` if no value lies in it.
    pub peak: Option<usize>,
    /// Largest size of all values that are needed at one step: no planner can do with less in this order of nodes.
    pub live_bytes: usize,
    /// Place of each value, by number.
    pub values: Vec<Placed>,
}

/// Place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Value in whose memory it lies; itself if it has its own.
    pub root: usize,
    /// First byte in the arena or in the internal block.
    pub offset: usize,
    /// Size of the memory, rounded up.
    pub bytes: usize,
    /// Set for values in the internal block.
    pub is_internal: bool,
    /// First step at which the memory is taken.
    pub begin: usize,
    /// First step at which it is free again; `None` if never.
    pub end: Option<usize>,
}

impl Placed {
    /// Returns `true` if the memory is taken while a step runs.
    pub fn is_live(&self, step: usize) -> bool {
        self.begin <= step && self.end.is_none_or(|end| end > step)
    }
}

pub fn place(network: &Network, lives: &Lives, internal: Option<usize>) -> Arena {
    let steps = network.steps.len();
    let roots: Vec<usize> = (0..network.spaces.len()).filter(|&value| lives.leader[value].is_none()).collect();
    let (mut begins, mut ends) = (vec![Vec::new(); steps], vec![Vec::new(); steps]);
    for &value in &roots {
        begins[lives.begin[value]].push(value);
        if let Some(freed) = lives.end[value].and_then(|end| ends.get_mut(end)) {
            freed.push(value);
        }
    }
    // The runtime ignores a budget of one unit or less.
    let mut inside = internal.filter(|&budget| budget > ALIGNMENT).map(Chunks::fixed);
    let mut arena = Chunks::default();
    let (mut places, mut peak) = (vec![(0, false); network.spaces.len()], None);
    for step in 0..steps {
        for &value in &ends[step] {
            match (&mut inside, places[value]) {
                (Some(inside), (_, true)) => inside.free(value),
                _ => arena.free(value),
            }
        }
        let before = arena.bytes();
        for &value in &begins[step] {
            let bytes = network.spaces[value].bytes;
            places[value] = match inside.as_mut().and_then(|inside| inside.fit(value, bytes)) {
                Some(offset) => (offset, true),
                None => (arena.take(value, bytes), false),
            };
        }
        if arena.bytes() > before {
            peak = Some(step);
        }
    }
    let placed = |value: usize| {
        let root = lives.root(value);
        let (offset, is_internal) = places[root];
        let bytes = network.spaces[root].bytes.next_multiple_of(ALIGNMENT);
        Placed { root, offset, bytes, is_internal, begin: lives.begin[root], end: lives.end[root] }
    };
    let values: Vec<Placed> = (0..network.spaces.len()).map(placed).collect();
    Arena {
        bytes: arena.bytes(),
        internal_bytes: inside.map_or(0, |inside| inside.bytes()),
        peak,
        live_bytes: most_at_once(&begins, &ends, |value| network.spaces[value].bytes),
        values,
    }
}

/// Returns the largest sum of sizes at one step.
fn most_at_once(begins: &[Vec<usize>], ends: &[Vec<usize>], bytes: impl Fn(usize) -> usize) -> usize {
    let (mut now, mut most) = (0usize, 0);
    for (begin, end) in begins.iter().zip(ends) {
        now = end.iter().fold(now, |now, &value| now.saturating_sub(bytes(value)));
        now = begin.iter().fold(now, |now, &value| now.saturating_add(bytes(value)));
        most = most.max(now);
    }
    most
}

/// Adjacent pieces of memory, each of one value or free.
#[derive(Default)]
struct Chunks {
    /// Pieces in the order of their places.
    list: Vec<Chunk>,
    /// Free pieces by their numbers, from small to large; of equal ones, the one that was freed first.
    free: Vec<usize>,
    next: usize,
}

#[derive(Clone, Copy)]
struct Chunk {
    number: usize,
    offset: usize,
    bytes: usize,
    value: Option<usize>,
    is_free: bool,
}

impl Chunks {
    /// One free piece, which does not grow.
    fn fixed(bytes: usize) -> Chunks {
        let mut chunks = Chunks::default();
        let number = chunks.push(Chunk { number: 0, offset: 0, bytes, value: None, is_free: true }, 0);
        chunks.free.push(number);
        chunks
    }

    fn bytes(&self) -> usize {
        self.list.last().map_or(0, |last| last.offset.saturating_add(last.bytes))
    }

    /// Inserts a piece, and returns its number.
    fn push(&mut self, chunk: Chunk, at: usize) -> usize {
        let number = self.next;
        self.next += 1;
        self.list.insert(at, Chunk { number, ..chunk });
        number
    }

    /// Frees a value's piece and joins it with free neighbours: the next one, then the previous one.
    fn free(&mut self, value: usize) {
        let Some(mut at) = self.list.iter().position(|chunk| chunk.value == Some(value)) else { return };
        self.list[at] = Chunk { value: None, is_free: true, ..self.list[at] };
        for neighbour in [at.checked_add(1), at.checked_sub(1)].into_iter().flatten() {
            if !self.list.get(neighbour).is_some_and(|chunk| chunk.is_free) {
                continue;
            }
            let joined = self.list.remove(neighbour);
            self.free.retain(|&number| number != joined.number);
            at = at.min(neighbour);
            let chunk = &mut self.list[at];
            chunk.bytes += joined.bytes;
            chunk.offset = chunk.offset.min(joined.offset);
        }
        self.free.push(self.list[at].number);
        self.sort();
    }

    fn sort(&mut self) {
        let bytes = |number: usize| self.list.iter().find(|chunk| chunk.number == number).map(|chunk| chunk.bytes);
        let mut free = std::mem::take(&mut self.free);
        free.sort_by_key(|&number| bytes(number));
        self.free = free;
    }

    /// Puts a value into the smallest free piece that holds its size, unrounded.
    fn fit(&mut self, value: usize, bytes: usize) -> Option<usize> {
        let holds = |number: &usize| self.list.iter().any(|chunk| chunk.number == *number && chunk.bytes >= bytes);
        let number = self.free.remove(self.free.iter().position(holds)?);
        let at = self.list.iter().position(|chunk| chunk.number == number)?;
        let (chunk, rounded) = (self.list[at], bytes.next_multiple_of(ALIGNMENT));
        // A piece that does not hold the rounded size is taken, but stays marked as free.
        if chunk.bytes >= rounded {
            self.list[at] = Chunk { value: Some(value), is_free: false, bytes: rounded, ..chunk };
            if chunk.bytes > rounded {
                let (offset, bytes) = (chunk.offset + rounded, chunk.bytes - rounded);
                let rest = self.push(Chunk { number: 0, offset, bytes, value: None, is_free: true }, at + 1);
                self.free.push(rest);
                self.sort();
            }
        }
        Some(chunk.offset)
    }

    /// Puts a value into a free piece, else into the last one, which is enlarged if it is free, else behind it.
    fn take(&mut self, value: usize, bytes: usize) -> usize {
        if let Some(offset) = self.fit(value, bytes) {
            return offset;
        }
        let rounded = bytes.next_multiple_of(ALIGNMENT);
        if let Some(last) = self.list.last_mut().filter(|last| last.is_free) {
            *last = Chunk { value: Some(value), is_free: false, bytes: rounded, ..*last };
            let (number, offset) = (last.number, last.offset);
            self.free.retain(|&free| free != number);
            return offset;
        }
        let offset = self.bytes();
        let end = self.list.len();
        self.push(Chunk { number: 0, offset, bytes: rounded, value: Some(value), is_free: false }, end);
        offset
    }
}
