//! Work-done progress: shown for long work, with a button that cancels it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lsp_types::notification::Progress as ProgressNotification;
use lsp_types::request::WorkDoneProgressCreate;
use lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use crate::Result;
use crate::engine::{Progress, Stage, Token};
use crate::text::units::percent;

use super::client::Client;

/// Duration from which work shows progress.
const AFTER: Duration = Duration::from_millis(300);
const EVERY: Duration = Duration::from_millis(100);
/// Time limit for the client's answer.
pub const ANSWER: Duration = Duration::from_secs(10);

/// Progress of work: written by the working threads, read by the task that shows it.
#[derive(Default)]
pub struct Meter {
    stage: Mutex<Option<Stage>>,
    done: AtomicUsize,
    total: AtomicUsize,
    ended: AtomicBool,
    search: Mutex<Search>,
}

/// Time and best result of a stage.
#[derive(Default)]
struct Search {
    begun: Option<Instant>,
    best: Option<(f64, f64)>,
}

/// Time after which the time that is left is estimated.
const ESTIMATED: Duration = Duration::from_secs(3);

impl Meter {
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Best result and time left: ", 23.2% -> 11.0%, about 40 s left".
    fn outlook(&self, done: usize, total: usize) -> String {
        let search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        let best = search.best.map(|(before, after)| format!(", {} -> {}", percent(before), percent(after)));
        let elapsed = search.begun.map(|begun| begun.elapsed()).filter(|elapsed| *elapsed >= ESTIMATED && done > 0);
        let left = elapsed.map(|elapsed| elapsed.as_secs_f64() * (total - done) as f64 / done as f64);
        // In steps, since the estimate trembles.
        let left =
            left.filter(|left| *left >= 5.0).map(|left| format!(", about {:.0} s left", (left / 5.0).ceil() * 5.0));
        best.unwrap_or_default() + &left.unwrap_or_default()
    }

    /// Label with its count, "calibrating 12 of 64", and percentage.
    fn state(&self) -> (String, u32) {
        let stage = *self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, done) = (self.total.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        let done = done.min(total);
        let label = stage.map_or("starting", Stage::label);
        let share = u32::try_from(100 * done / total.max(1)).unwrap_or(100);
        let words = match total {
            0 | 1 => label.to_string(),
            _ => format!("{label}: {done} of {total}{}", self.outlook(done, total)),
        };
        (words, share)
    }
}

impl Progress for Meter {
    fn begin(&self, stage: Stage, total: usize) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        let mut search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        *search = Search { begun: Some(Instant::now()), best: None };
    }

    fn best(&self, before: f64, after: f64) {
        self.search.lock().unwrap_or_else(PoisonError::into_inner).best = Some((before, after));
    }

    fn tick(&self) -> Result<()> {
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Visible progress, by the token with which the client cancels it.
#[derive(Default)]
pub struct Shown(Mutex<Vec<(NumberOrString, Token)>>);

impl Shown {
    pub fn cancel(&self, shown: &NumberOrString) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(name, _)| name == shown).for_each(|(_, token)| token.cancel());
    }

    fn add(&self, name: NumberOrString, token: Token) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, token));
    }

    fn remove(&self, name: &NumberOrString) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(shown, _)| shown != name);
    }
}

/// Shows the meter until it ends.
pub async fn show(client: Client, shown: Arc<Shown>, title: String, meter: Arc<Meter>, token: Token) {
    tokio::time::sleep(AFTER).await;
    if meter.has_ended() || token.is_cancelled() {
        return;
    }
    let name = next_name();
    let asked = client.request::<WorkDoneProgressCreate>(WorkDoneProgressCreateParams { token: name.clone() });
    if !matches!(tokio::time::timeout(ANSWER, asked).await, Ok(Ok(()))) {
        return;
    }
    shown.add(name.clone(), token.clone());
    let (mut state, mut percentage) = meter.state();
    let begin = WorkDoneProgressBegin {
        title,
        cancellable: Some(true),
        message: Some(state.clone()),
        percentage: Some(percentage),
    };
    send(&client, &name, WorkDoneProgress::Begin(begin)).await;
    while !meter.has_ended() && !token.is_cancelled() {
        tokio::time::sleep(EVERY).await;
        let now = meter.state();
        if now != (state.clone(), percentage) {
            (state, percentage) = now;
            let report = WorkDoneProgressReport {
                cancellable: Some(true),
                message: Some(state.clone()),
                percentage: Some(percentage),
            };
            send(&client, &name, WorkDoneProgress::Report(report)).await;
        }
    }
    shown.remove(&name);
    send(&client, &name, WorkDoneProgress::End(WorkDoneProgressEnd { message: None })).await;
}

/// Name that no server of the session has given before.
fn next_name() -> NumberOrString {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    NumberOrString::String(format!("espq-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
}

async fn send(client: &Client, name: &NumberOrString, value: WorkDoneProgress) {
    let params = ProgressParams { token: name.clone(), value: ProgressParamsValue::WorkDone(value) };
    client.notify::<ProgressNotification>(params).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_has_the_count_and_the_best_result() {
        let meter = Meter::default();
        assert_eq!(meter.state(), ("starting".to_string(), 0));
        meter.begin(Stage::Search, 8);
        meter.best(0.232, 0.11);
        meter.tick().unwrap();
        assert_eq!(meter.state(), ("searching the smallest set: 1 of 8, 23.2% -> 11%".to_string(), 12));
        meter.begin(Stage::Calibrate, 2);
        assert_eq!(meter.state().0, "calibrating: 0 of 2");
    }
}
