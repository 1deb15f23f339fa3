//! Stage of an opened project: computed when it is first requested, then kept.

use std::sync::{Mutex, PoisonError};

use crate::Result;

/// Result or error of a stage. Other requests wait while it is computed.
pub struct Step<T>(Mutex<Option<Result<T>>>);

impl<T> Default for Step<T> {
    fn default() -> Step<T> {
        Step(Mutex::new(None))
    }
}

impl<T: Clone> Step<T> {
    /// Returns the kept result, or computes it. Cancelled work is not kept: the next request starts again.
    pub fn get(&self, compute: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = &*kept {
            return done.clone();
        }
        let done = compute();
        if !done.as_ref().is_err_and(|error| error.is_cancelled()) {
            *kept = Some(done.clone());
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn a_step_is_computed_once() {
        let step = Step::default();
        assert_eq!(step.get(|| Ok(1)), Ok(1));
        assert_eq!(step.get(|| Ok(2)), Ok(1));
    }

    #[test]
    fn cancelled_work_is_repeated_and_an_error_is_kept() {
        let step = Step::default();
        assert!(step.get(|| Err::<i32, _>(Error::cancelled())).is_err());
        assert_eq!(step.get(|| Err(Error::new("no samples"))), Err(Error::new("no samples")));
        assert_eq!(step.get(|| Ok(1)), Err(Error::new("no samples")));
    }
}
