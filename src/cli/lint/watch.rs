//! `espq lint --watch`: checks again after each change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Run, inputs};
use crate::cli::{Failure, Outcome, explain, print, tell};
use crate::render::terminal::Terminal;
use crate::text::units::count;

/// Time between two looks at the files. They are looked at, since watches of the system miss network folders.
const PAUSE: Duration = Duration::from_millis(300);

/// Files with the time and length that they had.
type Seen = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// Checks, waits for a change, and checks again; ends with the process, or if nobody reads the output any more.
pub fn run(run: &Run) -> Result<Outcome, Failure> {
    loop {
        let before = seen(run);
        let text = match run.once() {
            Ok(outcome) => outcome.text,
            // The next change may solve it.
            Err(failure) => explain(&failure, &Terminal { width: run.out.width, color: run.out.color }),
        };
        let clear = if run.out.width.is_some() { "\x1b[2J\x1b[3J\x1b[H" } else { "" };
        if !print(&format!("{clear}{text}"))? {
            return Ok(Outcome { text: String::new(), found: false });
        }
        tell(&format!("Watching {} for changes; Ctrl-C ends", count(before.len(), "file")));
        // Fixes have changed the files themselves.
        let before = if run.arguments.allowed().is_some() { seen(run) } else { before };
        settle(run, &before);
    }
}

/// Waits until a file differs, and then until none changes any more.
fn settle(run: &Run, before: &Seen) {
    let mut last = before.clone();
    loop {
        std::thread::sleep(PAUSE);
        let now = seen(run);
        if now != *before && now == last {
            return;
        }
        last = now;
    }
}

/// Returns the configurations and the files that they read.
fn seen(run: &Run) -> Seen {
    let projects = inputs::projects(run.arguments).unwrap_or_default();
    let files = projects.iter().flat_map(|project| std::iter::once(project.file.clone()).chain(project.files()));
    let state = |file: &PathBuf| {
        let about = std::fs::metadata(file).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    files.map(|file| (file.clone(), state(&file))).collect()
}
