//! How the command ends and the exit code for it: the only place that assigns exit codes.

use std::process::ExitCode;

use signal_hook::consts::SIGINT;

use crate::disposition;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every job produced a value.
    AllGood,
    /// The reader closed the output: it has read what it wanted.
    ReaderGone,
    /// A job failed, or an input could not be read; all others were run.
    SomeFailed,
    /// The command line is invalid.
    Usage,
    /// The pool could not be built or broke, or the output could not be written.
    PoolFailed,
    /// Ctrl-C: the command dies of SIGINT.
    Interrupted,
}

impl Ending {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::AllGood | Self::ReaderGone => 0,
            Self::SomeFailed => 1,
            Self::Usage => 2,
            Self::PoolFailed => 3,
            // 128 plus the signal's number, as in shells.
            Self::Interrupted => 130,
        }
    }

    /// Ends this process if it is to die of a signal, so that a shell's loop ends too.
    pub(crate) fn die_if_interrupted(self) {
        if self == Self::Interrupted {
            disposition::die_of(SIGINT);
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_match_the_manual() {
        let codes = [
            (Ending::AllGood, 0),
            (Ending::ReaderGone, 0),
            (Ending::SomeFailed, 1),
            (Ending::Usage, 2),
            (Ending::PoolFailed, 3),
            (Ending::Interrupted, 130),
        ];
        for (ending, code) in codes {
            assert_eq!(ending.code(), code, "{ending:?}");
        }
    }
}
