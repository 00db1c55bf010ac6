//! Why a worker fails: what it prints, what it answers the parent and its exit code.

use std::io::Write;

use protocol::{
    MemoryError, Panicked, WORKER_ARGUMENT,
    message::{
        control::ControlError,
        frame::FrameError,
        handshake::{Answer, HandshakeError},
        link::LinkError,
    },
};

/// Why a worker fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// No pool started the process.
    #[error(
        "this program is a worker: it serves jobs of type `{serves}` to a pool, which starts it with the argument \
         {WORKER_ARGUMENT}{serves} and a socket as standard input; it cannot be started by hand"
    )]
    StartedByHand { serves: &'static str },
    /// No start request arrived.
    #[error("waiting for the pool's start request: {0}")]
    Control(#[from] ControlError),
    /// The message is no start request.
    #[error("the pool's start request: {0}")]
    Handshake(#[from] HandshakeError),
    /// The pool asks for another type of job.
    #[error("the pool sends jobs of type `{asked}`, this worker serves `{serves}`")]
    WrongJob { asked: String, serves: &'static str },
    /// The start request or its descriptors cannot be used.
    #[error("unusable start request: {0}")]
    Unusable(String),
    /// The initialiser failed at the start.
    #[error("the initialiser failed: {0}")]
    Initialiser(String),
    /// The initialiser failed when it ran again after a panic.
    #[error("the initialiser failed to make a new state after a panic: {0}")]
    Reinitialising(String),
    /// A panic outside of jobs.
    #[error("the worker itself panicked{0}; this is a bug in the library")]
    Panicked(Panicked),
    /// A system call failed that the worker depends on.
    #[error("{step}: {source}")]
    System {
        step: &'static str,
        source: std::io::Error,
    },
    /// The link failed, rather than being closed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The parent sent a frame that cannot be parsed.
    #[error("the pool sent a broken frame: {0}")]
    BrokenFrame(#[from] FrameError),
    /// The parent sent a frame that contradicts the board or the payload area.
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

    /// The answer to the parent if this happens before the worker is ready.
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

/// Prints an error on standard error. Returns the process's exit code.
pub(crate) fn report(error: &WorkerError) -> u8 {
    // Nothing can be done if standard error is closed.
    drop(writeln!(std::io::stderr(), "worker: {error}"));
    error.exit_code()
}

/// Cuts an error's text, so that it always fits a control message, whose size is limited.
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
        let error = WorkerError::Initialiser("é".repeat(1 << 20));
        let bytes = protocol::message::handshake::encode(&error.answer().unwrap()).unwrap();
        assert!(bytes.len() < protocol::message::control::MAX_CONTROL_BYTES);
    }

    #[test]
    fn the_usage_error_names_the_job_and_how_it_is_started() {
        let error = WorkerError::StartedByHand { serves: "resize" };
        assert!(error.to_string().contains("--pool-worker=resize"));
        assert_eq!((error.exit_code(), error.answer()), (64, None));
    }
}
