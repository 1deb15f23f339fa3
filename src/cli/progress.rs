//! A progress bar on stderr, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Result;
use crate::engine::{Progress, Stage};

pub struct Bar(ProgressBar);

impl Bar {
    /// Makes a bar that is never drawn.
    pub fn hidden() -> Bar {
        Bar(ProgressBar::hidden())
    }

    pub fn new() -> Bar {
        // indicatif draws nothing if stderr is not a terminal.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg:<16} {bar:30.cyan} {pos}/{len}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▉▊▋▌▍▎▏ "));
        bar.enable_steady_tick(Duration::from_millis(100));
        Bar(bar)
    }
}

impl Progress for Bar {
    fn begin(&self, stage: Stage, total: usize) {
        // The name is set last, so that the bar never shows a new name with old figures.
        self.0.set_position(0);
        self.0.set_length(total as u64);
        self.0.set_message(stage.label());
    }

    fn tick(&self) -> Result<()> {
        self.0.inc(1);
        Ok(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
