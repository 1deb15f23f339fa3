//! Main loop: mutates inputs, reads them, and keeps those that fail.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::memory;
use crate::mutate::{Random, mutate};

/// A reader under test.
pub trait Target {
    fn name(&self) -> &'static str;

    /// Initial inputs.
    fn seeds(&self) -> Vec<Vec<u8>>;

    /// Strings of the format.
    fn words(&self) -> &'static [&'static [u8]] {
        &[]
    }

    /// Reads an input and returns "ok" or the message of the error; anything else is a panic.
    fn read(&self, input: &[u8]) -> String;
}

/// Memory limit, above which an input is a fault: inputs have at most 64 KB.
const MOST_MEMORY: usize = 1 << 30;

/// Time limit, above which an input is a fault even on a busy machine.
const MOST_TIME: Duration = Duration::from_secs(20);

/// Maximum number of inputs that are mutated further because they gave a new answer.
const POOL: usize = 4096;

/// Runs the corpus and `count` mutated inputs, or the number in `FUZZ_INPUTS`. Fails with a list of faults.
pub fn fuzz(target: &dyn Target, count: usize) {
    // One target at a time, since the panic hook and the memory counter are global to the process.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("FUZZ_INPUTS").map_or(count, |count| count as usize);
    let mut run = Run::new(target, number("FUZZ_SEED").unwrap_or(0));
    for (file, input) in corpus(target.name()) {
        run.read(&input, &file);
    }
    for index in 0..count {
        let input = run.mutated();
        run.read(&input, &format!("input {index}"));
        if count >= 100_000 && (index + 1) % (count / 10) == 0 {
            eprintln!("{}: {} inputs, {}", target.name(), index + 1, run.summary());
        }
    }
    eprintln!("{}: {count} inputs, {}", target.name(), run.summary());
    assert!(run.faults.is_empty(), "{}: {} faults\n{}", target.name(), run.faults.len(), run.report());
}

/// Returns inputs that once failed, with their names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| (file.display().to_string(), std::fs::read(file).unwrap())).collect()
}

struct Run<'a> {
    target: &'a dyn Target,
    random: Random,
    pool: Vec<Vec<u8>>,
    answers: HashSet<u64>,
    accepted: usize,
    slowest: Duration,
    largest: usize,
    /// File with the input of each fault, by fault.
    faults: BTreeMap<String, PathBuf>,
}

impl Run<'_> {
    fn new(target: &dyn Target, seed: u64) -> Run<'_> {
        let pool = target.seeds();
        assert!(!pool.is_empty(), "{} has no seeds", target.name());
        Run {
            target,
            random: Random(seed),
            pool,
            answers: HashSet::new(),
            accepted: 0,
            slowest: Duration::ZERO,
            largest: 0,
            faults: BTreeMap::new(),
        }
    }

    fn mutated(&mut self) -> Vec<u8> {
        let [one, other] = [(); 2].map(|()| self.random.pick(&self.pool).clone());
        mutate(&mut self.random, one, &other, self.target.words())
    }

    fn read(&mut self, input: &[u8], source: &str) {
        if std::env::var_os("FUZZ_TRACE").is_some() {
            std::fs::write(self.file("trace"), input).unwrap();
        }
        let begin = Instant::now();
        let (answer, memory) = memory::peak(|| caught(|| self.target.read(input)));
        let time = begin.elapsed();
        (self.slowest, self.largest) = (self.slowest.max(time), self.largest.max(memory));
        match answer {
            Err(panic) => self.fault(panic, input, source),
            Ok(_) if memory > MOST_MEMORY => self.fault(format!("{} MB", memory >> 20), input, source),
            Ok(_) if time > MOST_TIME => self.fault(format!("{} s", time.as_secs()), input, source),
            Ok(answer) => {
                self.accepted += usize::from(answer == "ok");
                if self.answers.insert(hash(&answer)) && self.pool.len() < POOL {
                    self.pool.push(input.to_vec());
                }
            }
        }
    }

    fn fault(&mut self, fault: String, input: &[u8], source: &str) {
        if !self.faults.contains_key(&fault) {
            let file = self.file(&format!("fault-{}", self.faults.len()));
            std::fs::write(&file, input).unwrap();
            eprintln!("{}: {source}: {fault} ({})", self.target.name(), file.display());
            self.faults.insert(fault, file);
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", self.target.name()))
    }

    fn summary(&self) -> String {
        let Run { accepted, slowest, largest, answers, faults, .. } = self;
        format!(
            "{accepted} accepted, {} answers, at most {} ms and {} MB, {} faults",
            answers.len(),
            slowest.as_millis(),
            largest >> 20,
            faults.len()
        )
    }

    fn report(&self) -> String {
        self.faults.iter().map(|(fault, file)| format!("  {fault}\n    {}\n", file.display())).collect()
    }
}

/// Hashes an answer without quoted parts: names and numbers of the input do not make it new.
fn hash(answer: &str) -> u64 {
    let outside = answer.split(['`', '"', '\'']).step_by(2);
    let letters: String = outside.flat_map(str::chars).filter(|c| c.is_ascii_alphabetic()).take(200).collect();
    let mut hasher = DefaultHasher::new();
    letters.hash(&mut hasher);
    hasher.finish()
}

/// Runs `read`; a panic becomes an error with its location.
fn caught(read: impl FnOnce() -> String) -> Result<String, String> {
    static PLACE: Mutex<String> = Mutex::new(String::new());
    panic::set_hook(Box::new(|panic| *PLACE.lock().unwrap() = panic.to_string().replace('\n', " ")));
    let answer = panic::catch_unwind(AssertUnwindSafe(read));
    drop(panic::take_hook());
    answer.map_err(|_| PLACE.lock().unwrap().clone())
}
