//! Why a worker ends otherwise than well: what it prints, what it answers and with which code it exits.

use std::io::Write;

use protocol::{
    MemoryError, Panicked, WORKER_ARGUMENT,
    control::ControlError,
    frame::FrameError,
    handshake::{Answer, HandshakeError},
    link::LinkError,
};

/// Why a worker ends otherwise than well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// No pool started the process.
    #[error(
        "this program is a worker: it serves jobs of the type `{serves}` to a pool, which starts it with the argument \
         {WORKER_ARGUMENT}{serves} and a socket as standard input; it cannot be started by hand"
    )]
    StartedByHand { serves: &'static str },
    /// The invitation did not come.
    #[error("waiting for the pool's invitation: {0}")]
    Control(#[from] ControlError),
    /// What came was no invitation.
    #[error("the pool's invitation: {0}")]
    Handshake(#[from] HandshakeError),
    /// The pool asks for another type of job.
    #[error("the pool sends jobs of the type `{asked}`, this worker serves `{serves}`")]
    WrongJob { asked: String, serves: &'static str },
    /// What came with the invitation cannot be used.
    #[error("what the pool gave cannot be used: {0}")]
    Unusable(String),
    /// The initialiser failed at the start.
    #[error("the initialiser failed: {0}")]
    Initialiser(String),
    /// The initialiser failed when it ran again after a panic.
    #[error("the initialiser failed when the state was made anew after a panic: {0}")]
    Rebuilding(String),
    /// A panic that was no job's.
    #[error("the worker itself panicked{0}; this is a mistake in the library")]
    Panicked(Panicked),
    /// The system refused something that a worker cannot do without.
    #[error("{step}: {source}")]
    System {
        step: &'static str,
        source: std::io::Error,
    },
    /// The link broke otherwise than by its end.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The parent sent what no honest parent sends.
    #[error("the pool sent a broken frame: {0}")]
    BrokenFrame(#[from] FrameError),
    /// The parent sent what no honest parent sends.
    #[error("the pool broke the protocol: {0}")]
    BrokenProtocol(String),
}

impl WorkerError {
    /// Wraps an error of the system.
    pub(crate) fn system<E: Into<std::io::Error>>(step: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::System {
            step,
            source: error.into(),
        }
    }

    /// What the parent is answered when this happens before the worker is ready.
    pub(crate) fn answer(&self) -> Option<Answer> {
        match self {
            Self::StartedByHand { .. } | Self::Control(_) => None,
            Self::WrongJob { serves, .. } => Some(Answer::WrongJob {
                serves: (*serves).to_owned(),
            }),
            Self::Initialiser(message) => Some(Answer::InitialiserFailed {
                message: shortened(message),
            }),
            other => Some(Answer::Unusable {
                message: shortened(&other.to_string()),
            }),
        }
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::StartedByHand { .. } => 64,
            Self::BrokenFrame(_) | Self::BrokenProtocol(_) => 70,
            _ => 1,
        }
    }
}

impl From<MemoryError> for WorkerError {
    fn from(error: MemoryError) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// Prints a failure on standard error; gives the process's exit code.
pub(crate) fn report(failure: &WorkerError) -> u8 {
    // Nothing can be done when standard error is closed.
    drop(writeln!(std::io::stderr(), "worker: {failure}"));
    failure.exit_code()
}

/// A control message has a greatest size, and an error's text must never be why it cannot be sent.
fn shortened(message: &str) -> String {
    const MOST_BYTES: usize = 16 * 1024;
    match message.floor_char_boundary(MOST_BYTES) {
        end if end < message.len() => format!("{} [cut]", &message[..end]),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_any_length_fits_a_control_message() {
        let failure = WorkerError::Initialiser("é".repeat(1 << 20));
        let bytes = protocol::handshake::encode(&failure.answer().unwrap()).unwrap();
        assert!(bytes.len() < protocol::control::MAX_CONTROL_BYTES);
    }

    #[test]
    fn the_usage_error_names_the_job_and_how_it_is_started() {
        let failure = WorkerError::StartedByHand { serves: "resize" };
        assert!(failure.to_string().contains("--pool-worker=resize"));
        assert_eq!((failure.exit_code(), failure.answer()), (64, None));
    }
}
