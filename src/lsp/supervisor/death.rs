//! Ends of a server's process, in words.

use std::process::ExitStatus;

/// Exit code of Rust programs after a panic.
const PANICKED: i32 = 101;
/// Exit code on Windows of a process that aborts.
const FAST_FAIL: i32 = 0xC000_0409_u32.cast_signed();

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
/// Signals of faults; any other has been sent.
const FAULTS: [(i32, &str); 4] =
    [(4, "SIGILL"), (if cfg!(target_os = "linux") { 7 } else { 10 }, "SIGBUS"), (8, "SIGFPE"), (11, "SIGSEGV")];

/// End of a process that was not asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    Panicked,
    Aborted,
    Killed,
    /// Signal of a fault, by its name.
    Fault(&'static str),
    Signal(i32),
    Code(i32),
}

impl Death {
    pub fn of(status: ExitStatus) -> Death {
        Death::by(signal(status), status.code())
    }

    fn by(signal: Option<i32>, code: Option<i32>) -> Death {
        match (signal, code) {
            (Some(SIGABRT), _) | (None, Some(FAST_FAIL)) => Death::Aborted,
            (Some(SIGKILL), _) => Death::Killed,
            (Some(signal), _) => {
                let fault = FAULTS.iter().find(|(number, _)| *number == signal);
                fault.map_or(Death::Signal(signal), |(_, name)| Death::Fault(name))
            }
            (None, Some(PANICKED)) => Death::Panicked,
            (None, code) => Death::Code(code.unwrap_or(-1)),
        }
    }

    /// Cause, as the end of a sentence.
    pub fn words(self) -> String {
        match self {
            Death::Panicked => "it panicked".to_string(),
            Death::Aborted => "it aborted, as after a stack overflow".to_string(),
            Death::Killed => "it was killed, perhaps for want of memory".to_string(),
            Death::Fault(name) => format!("it crashed ({name})"),
            Death::Signal(signal) => format!("signal {signal} ended it"),
            Death::Code(code) => format!("it ended with exit code {code}"),
        }
    }

    /// Advice to the user.
    pub fn advice(self) -> String {
        match self {
            Death::Killed => "If memory is short, measure fewer samples: set `samples` in [calibration].".to_string(),
            Death::Signal(_) => "Another program has ended it.".to_string(),
            Death::Panicked | Death::Aborted | Death::Fault(_) | Death::Code(_) => {
                let issues = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");
                format!("This is a bug in espq: please report it at {issues}, with the editor's log of espq.")
            }
        }
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_have_their_words() {
        let words = |signal, code| Death::by(signal, code).words();
        assert_eq!(words(None, Some(101)), "it panicked");
        assert_eq!(words(Some(6), None), "it aborted, as after a stack overflow");
        assert_eq!(words(None, Some(-1_073_740_791)), "it aborted, as after a stack overflow");
        assert_eq!(words(Some(9), None), "it was killed, perhaps for want of memory");
        assert_eq!(words(Some(11), None), "it crashed (SIGSEGV)");
        assert_eq!(words(Some(15), None), "signal 15 ended it");
        assert_eq!(words(None, Some(2)), "it ended with exit code 2");
    }
}
