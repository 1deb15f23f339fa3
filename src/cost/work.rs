//! Work of a node by kind, in units whose cycles the data of a chip has.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// Instructions of a convolution's blocks of output channels.
    Blocks,
    /// Instructions of output channels that fill no block.
    Rest,
    /// Instructions of a depthwise convolution.
    Depthwise,
    /// Pixels, for each of which a kernel is called.
    Pixels,
    /// Nodes.
    Nodes,
    /// Bytes of weights that exceed the first 64 KB of cache, read again for every pixel.
    Near,
    /// Bytes of weights read from PSRAM.
    Psram,
    /// Bytes of weights read from flash.
    Flash,
    /// Bytes of values read and written.
    Values,
    /// Bytes of values that exceed the cache.
    Spilled,
    /// Elements that a Transpose moves.
    Transposed,
    /// Elements looked up in a table.
    Tabled,
    /// Elements of Add, Mul, Sub, PRelu and changes of width.
    Elements,
    /// Elements of functions in float, such as Softmax.
    Float,
    /// Window elements of MaxPool and AveragePool.
    Pooled,
    /// Elements that Resize makes.
    Resized,
    /// Elements that a reduction reads.
    Reduced,
    /// Bytes that Concat, Split and Slice copy.
    Copied,
    /// Steps of loops in C.
    Loops,
}

impl Term {
    /// All kinds.
    pub const ALL: &'static [Term] = &[
        Term::Blocks,
        Term::Rest,
        Term::Depthwise,
        Term::Pixels,
        Term::Nodes,
        Term::Near,
        Term::Psram,
        Term::Flash,
        Term::Values,
        Term::Spilled,
        Term::Transposed,
        Term::Tabled,
        Term::Elements,
        Term::Float,
        Term::Pooled,
        Term::Resized,
        Term::Reduced,
        Term::Copied,
        Term::Loops,
    ];

    /// Returns the name in files of constants.
    pub fn name(self) -> &'static str {
        match self {
            Term::Blocks => "blocks",
            Term::Rest => "rest",
            Term::Depthwise => "depthwise",
            Term::Pixels => "pixels",
            Term::Nodes => "nodes",
            Term::Near => "near",
            Term::Psram => "psram",
            Term::Flash => "flash",
            Term::Values => "values",
            Term::Spilled => "spilled",
            Term::Transposed => "transposed",
            Term::Tabled => "tabled",
            Term::Elements => "elements",
            Term::Float => "float",
            Term::Pooled => "pooled",
            Term::Resized => "resized",
            Term::Reduced => "reduced",
            Term::Copied => "copied",
            Term::Loops => "loops",
        }
    }

    /// Returns `true` for work that waits for memory outside of the chip's core.
    pub fn is_memory(self) -> bool {
        matches!(self, Term::Psram | Term::Flash | Term::Spilled)
    }

    /// Returns `true` for work whose constant no published time decides.
    pub fn is_guess(self) -> bool {
        matches!(self, Term::Float | Term::Pooled | Term::Resized | Term::Reduced | Term::Copied | Term::Loops)
    }
}

/// Units of each kind of work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<Term, f64>", from = "BTreeMap<Term, f64>")]
pub struct Work([f64; Term::ALL.len()]);

impl From<Work> for BTreeMap<Term, f64> {
    fn from(work: Work) -> BTreeMap<Term, f64> {
        work.iter().filter(|(_, units)| *units != 0.0).collect()
    }
}

impl From<BTreeMap<Term, f64>> for Work {
    fn from(units: BTreeMap<Term, f64>) -> Work {
        units.into_iter().fold(Work::default(), |work, (term, units)| work.with(term, units))
    }
}

impl Work {
    /// Returns the units of a kind.
    pub fn of(&self, term: Term) -> f64 {
        self.0[term as usize]
    }

    /// Adds units.
    pub fn add(&mut self, term: Term, units: f64) {
        self.0[term as usize] += units;
    }

    /// Returns the same work with other units of one kind.
    #[must_use]
    pub fn with(mut self, term: Term, units: f64) -> Work {
        self.0[term as usize] = units;
        self
    }

    /// Returns kinds with their units.
    pub fn iter(&self) -> impl Iterator<Item = (Term, f64)> + '_ {
        Term::ALL.iter().map(|&term| (term, self.of(term)))
    }
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Work) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
}
