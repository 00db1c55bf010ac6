//! The link between a parent and one worker: the only file that names `ipc-channel`.
//!
//! Owns the channels over which frames and wake-ups travel, and how the two processes connect them. What a frame contains, and
//! when a wake-up is sent, is not known here.
//!
//! # What ipc-channel 0.23.1 does, and the rules that follow
//! - `send` blocks if the peer's socket is full, and never returns if the peer of a fragmented message is killed. So no
//!   message here is longer than [`frame::MAX_FRAME_BYTES`] and a header, at most [`frame::MAX_FRAMES_UNDERWAY`] frames are
//!   under way, and one wake-up (a flag on the board says whether one is; `board/README.md` names the exception): both fit
//!   into the socket's buffer with room to spare, and no send blocks.
//! - It does not try again after EINTR: done here.
//! - A failed serialisation leaves channels behind in a thread-local. Only bytes and plain wake-ups are sent after the
//!   handshake, and the handshake's one message cannot fail to serialise.
//! - A disconnect is only a hint: the parent learns of a death from the process itself, and therefore keeps a sender
//!   of its own with which it can always wake its receiver.
//! - It panics if there is no room for a descriptor (and on every later use, if that happens on its first use in a process), and
//!   on malformed messages. So its first use happens while there is room (`prepare`), room is
//!   checked before descriptors are received (`have_room`), while no other start takes it
//!   ([`taking_descriptors`]), and a panic that happens nevertheless becomes an error (`shielded`).
//! - `IpcOneShotServer` binds a socket in the temporary folder, can panic if that is unusable, and leaves an accepted
//!   socket without CLOEXEC. So a folder is tried before it is first used ([`Listener::new`]), the name is removed at
//!   once, the descriptor is handed to the worker, and the accepted socket is closed under the lock that also guards
//!   spawning ([`spawn_guard`]).

#![expect(clippy::disallowed_types, reason = "the one file that knows the transport")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use ipc_channel::{
    IpcError, TryRecvError,
    ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender},
    platform::OsIpcSender,
};
use rustix::{
    event::{EventfdFlags, eventfd},
    fs::{Mode, OFlags},
    io::Errno,
};
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::message::frame;

/// An error of a link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The other process has closed its end, or is ending.
    #[error("the other process closed the link")]
    Closed,
    /// The temporary folder, in which the link's socket is created for an instant, cannot be used.
    #[error("cannot make a socket in the temporary folder {}: {source}; set TMPDIR to a short path that can be written to", folder.display())]
    TemporaryFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process connected.
    #[error("another process than the worker connected to the link")]
    UnexpectedPeer,
    /// The system refused.
    #[error("link: {0}")]
    System(#[source] io::Error),
}

impl From<IpcError> for LinkError {
    fn from(error: IpcError) -> Self {
        match error {
            IpcError::Disconnected => Self::Closed,
            IpcError::Io(source) => source.into(),
            other @ IpcError::SerializationError(_) => Self::System(io::Error::other(other.to_string())),
        }
    }
}

impl From<io::Error> for LinkError {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected => {
                Self::Closed
            }
            _ => Self::System(source),
        }
    }
}

/// What wakes a parent's thread. The message says only that there is something to see; what it is, the thread finds in shared
/// memory or in the parent's own state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wake {
    /// From the worker: it has finished a frame, or waits for room. At most one is under way, and one more for each polling that
    /// ends before it is read.
    Progress,
    /// From the parent to itself: the worker's process has ended.
    Ended,
}

/// Worker to parent, the link's first and only message of this type: the parent's ends of the channels.
#[derive(Serialize, Deserialize)]
struct Ends {
    token: [u8; 16],
    frames: IpcBytesSender,
    wakes: IpcReceiver<Wake>,
    own_wake: IpcSender<Wake>,
}

/// Locks the moments in which this process has a descriptor that a child would inherit: every spawn and every accept
/// holds this.
pub fn spawn_guard() -> MutexGuard<'static, ()> {
    static GUARD: Mutex<()> = Mutex::new(());
    GUARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Guards the creation of descriptors against a connection that is accepted meanwhile, which would find no room for its own.
static TAKING: RwLock<()> = RwLock::new(());

/// Must be held while creating descriptors if other threads may accept connections. Any number of threads may hold it at once.
pub fn taking_descriptors() -> RwLockReadGuard<'static, ()> {
    TAKING.read().unwrap_or_else(PoisonError::into_inner)
}

/// The socket to which one worker connects. It has no name: only a process that has its descriptor can connect.
#[derive(Debug)]
pub struct Listener {
    server: Server,
    socket: OwnedFd,
}

struct Server(IpcOneShotServer<Ends>);

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IpcOneShotServer")
    }
}

impl Listener {
    /// Creates one.
    ///
    /// # Errors
    /// If the temporary folder cannot be used for it, or the system has no descriptors left.
    pub fn new() -> Result<Self, LinkError> {
        prepare()?;
        let (server, name) = serve_once()?;
        let path = Path::new(&name);
        let socket = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        // From here on the socket has no name; the server's own clean-up finds nothing.
        drop(std::fs::remove_file(path));
        if let Some(folder) = path.parent() {
            drop(std::fs::remove_dir(folder));
        }
        let socket = socket.map_err(|errno| LinkError::System(errno.into()))?;
        Ok(Self {
            server: Server(server),
            socket,
        })
    }

    /// Returns the descriptor to hand to the worker, for [`connect`].
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Accepts the worker's connection. Blocks unless the worker has connected: call it once the worker says so.
    ///
    /// # Errors
    /// If the process that connected does not know the token, or has ended.
    pub fn accept(self, token: [u8; 16]) -> Result<ParentLink, LinkError> {
        let accepted = {
            let _no_other_start = TAKING.write().unwrap_or_else(PoisonError::into_inner);
            let _guard = spawn_guard();
            have_room(ACCEPTED_DESCRIPTORS)?;
            shielded(|| self.server.0.accept())?
        };
        let (_first_channel, ends) = accepted.map_err(LinkError::from).map_err(no_room)?;
        if ends.token != token {
            return Err(LinkError::UnexpectedPeer);
        }
        Ok(ParentLink {
            frames: FrameSender(ends.frames),
            wakes: WakeReceiver(ends.wakes),
            own_wake: WakeSender(ends.own_wake),
        })
    }
}

/// A connection has a descriptor of its own while it is accepted, and receives those of [`Ends`]. The others are for what else the
/// program may open at that moment.
const ACCEPTED_DESCRIPTORS: usize = 4 + 4;

/// Ensures that ipc-channel has been used once in this process.
fn prepare() -> Result<(), LinkError> {
    static PREPARED: Mutex<bool> = Mutex::new(false);
    let mut is_prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_prepared {
        // It measures a pair of sockets.
        have_room(2)?;
        shielded(OsIpcSender::get_max_fragment_size)?;
        *is_prepared = true;
    }
    Ok(())
}

/// Checks that there is room for this many more descriptors.
fn have_room(descriptors: usize) -> Result<(), LinkError> {
    let take_all = || {
        let first = eventfd(0, EventfdFlags::CLOEXEC)?;
        let others = (1..descriptors).map(|_| rustix::io::fcntl_dupfd_cloexec(&first, 0));
        others.collect::<rustix::io::Result<Vec<OwnedFd>>>()
    };
    take_all()
        .map(drop)
        .map_err(|errno| LinkError::System(errno.into()))
}

/// Turns a panic of ipc-channel into an error. Another thread may have taken the last descriptors just before.
fn shielded<T>(call: impl FnOnce() -> T) -> Result<T, LinkError> {
    catch_unwind(AssertUnwindSafe(call)).or_else(|_| {
        have_room(ACCEPTED_DESCRIPTORS)?;
        let what = "ipc-channel could not use what it was given; for an instant there may have been no descriptors left";
        Err(LinkError::System(io::Error::other(what)))
    })
}

/// Corrects an error: if this process has no room for another descriptor, be it a new one or a received one, ipc-channel
/// continues with an invalid number.
fn no_room(error: LinkError) -> LinkError {
    match error {
        LinkError::System(source) if source.raw_os_error() == Some(Errno::BADF.raw_os_error()) => {
            LinkError::System(Errno::MFILE.into())
        }
        other => other,
    }
}

/// Creates ipc-channel's server in the temporary folder.
fn serve_once() -> Result<(IpcOneShotServer<Ends>, String), LinkError> {
    // A trial takes as long as creating the server, which often waits for a disk. A folder that has worked once will work again.
    static SERVED: Mutex<Option<PathBuf>> = Mutex::new(None);
    let folder = std::env::temp_dir();
    {
        let mut served = SERVED.lock().unwrap_or_else(PoisonError::into_inner);
        if served.as_ref() != Some(&folder) {
            try_temporary_folder(&folder)?;
            *served = Some(folder);
        }
    }
    let made = shielded(IpcOneShotServer::<Ends>::new)
        .and_then(|made| made.map_err(LinkError::from))
        .map_err(no_room);
    if made.is_err() {
        *SERVED.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // The trial may give a more precise error.
        try_temporary_folder(&std::env::temp_dir())?;
    }
    made
}

/// Checks, with errors instead of panics, whether ipc-channel will be able to bind its socket.
fn try_temporary_folder(folder: &Path) -> Result<(), LinkError> {
    let refused = |source: io::Error| match Errno::from_io_error(&source) {
        Some(Errno::MFILE | Errno::NFILE) => LinkError::System(source),
        _ => LinkError::TemporaryFolder {
            folder: folder.to_owned(),
            source,
        },
    };
    if folder.to_str().is_none() {
        return Err(refused(io::Error::new(
            io::ErrorKind::InvalidInput,
            "its path is not valid UTF-8",
        )));
    }
    let trial = tempfile::Builder::new().tempdir().map_err(refused)?;
    std::os::unix::net::UnixDatagram::bind(trial.path().join("socket")).map_err(refused)?;
    trial.close().map_err(refused)
}

/// Connects the worker's side to the socket whose descriptor it was given.
///
/// # Errors
/// If the parent has ended, or the system has no descriptors left.
pub fn connect(listener: BorrowedFd<'_>, token: [u8; 16]) -> Result<WorkerLink, LinkError> {
    prepare()?;
    let first = IpcSender::<Ends>::connect(format!("/proc/self/fd/{}", listener.as_raw_fd()))?;
    let (frames_sender, frames) = ipc::bytes_channel()?;
    let (wake_sender, wakes) = ipc::channel()?;
    first.send(Ends {
        token,
        frames: frames_sender,
        wakes,
        own_wake: wake_sender.clone(),
    })?;
    Ok(WorkerLink {
        frames: FrameReceiver(frames),
        wakes: WakeSender(wake_sender),
    })
}

/// The parent's ends.
#[derive(Debug)]
pub struct ParentLink {
    /// Sends frames to the worker.
    pub frames: FrameSender,
    /// Receives wake-ups.
    pub wakes: WakeReceiver,
    /// Wakes the receiver from another thread of the parent.
    pub own_wake: WakeSender,
}

/// The worker's ends.
#[derive(Debug)]
pub struct WorkerLink {
    /// Receives frames.
    pub frames: FrameReceiver,
    /// Sends wake-ups to the parent.
    pub wakes: WakeSender,
}

/// Sends frames to a worker. After it is dropped, the worker finishes what it has received and ends.
#[derive(Debug)]
pub struct FrameSender(IpcBytesSender);

impl FrameSender {
    /// Sends one frame. `Ok` does not mean that it will be received: the worker may be dead already.
    ///
    /// # Errors
    /// If the worker is known to have ended.
    pub fn send(&self, frame: &[u8]) -> Result<(), LinkError> {
        retry(|| self.0.send(frame)).map_err(LinkError::from)
    }
}

/// Receives frames in a worker.
#[derive(Debug)]
pub struct FrameReceiver(IpcBytesReceiver);

impl FrameReceiver {
    /// Blocks until a frame comes.
    ///
    /// # Errors
    /// [`LinkError::Closed`] if the parent has closed the link.
    pub fn receive(&self) -> Result<Vec<u8>, LinkError> {
        loop {
            match self.0.recv() {
                Err(IpcError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return received.map_err(LinkError::from),
            }
        }
    }
}

/// Sends wake-ups.
#[derive(Debug, Clone)]
pub struct WakeSender(IpcSender<Wake>);

impl WakeSender {
    /// Sends one.
    ///
    /// # Errors
    /// If the parent has ended.
    pub fn send(&self, wake: Wake) -> Result<(), LinkError> {
        loop {
            match self.0.send(wake) {
                Err(IpcError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent.map_err(LinkError::from),
            }
        }
    }
}

/// Receives wake-ups in the parent.
#[derive(Debug)]
pub struct WakeReceiver(IpcReceiver<Wake>);

impl WakeReceiver {
    /// Waits for a wake-up, at most for `timeout` (whole milliseconds, rounded up; `None`: without a limit).
    ///
    /// # Errors
    /// If the link is broken; that does not happen while the parent keeps its own [`WakeSender`].
    pub fn receive(&self, timeout: Option<Duration>) -> Result<Option<Wake>, LinkError> {
        loop {
            let received = shielded(|| match timeout {
                None => self.0.recv().map_err(TryRecvError::IpcError),
                Some(timeout) => self.0.try_recv_timeout(whole_milliseconds(timeout)),
            })?;
            match received {
                Ok(wake) => return Ok(Some(wake)),
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::IpcError(IpcError::Io(error)))
                    if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryRecvError::IpcError(error)) => return Err(error.into()),
            }
        }
    }
}

/// Rounds up: ipc-channel cuts timeouts to whole milliseconds, so that shorter ones would not wait at all.
fn whole_milliseconds(timeout: Duration) -> Duration {
    let millis = timeout.as_micros().div_ceil(1000).clamp(1, 60_000);
    Duration::from_millis(millis as u64)
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected() -> (ParentLink, WorkerLink) {
        let listener = Listener::new().unwrap();
        let worker = connect(listener.socket(), [7; 16]).unwrap();
        (listener.accept([7; 16]).unwrap(), worker)
    }

    #[test]
    fn frames_and_wake_ups_cross() {
        let (parent, worker) = connected();
        parent.frames.send(b"a frame").unwrap();
        assert_eq!(worker.frames.receive().unwrap(), b"a frame");
        worker.wakes.send(Wake::Progress).unwrap();
        assert_eq!(parent.wakes.receive(None).unwrap(), Some(Wake::Progress));
        assert_eq!(
            parent.wakes.receive(Some(Duration::from_micros(1))).unwrap(),
            None
        );
        parent.own_wake.send(Wake::Ended).unwrap();
        assert_eq!(parent.wakes.receive(None).unwrap(), Some(Wake::Ended));
    }

    #[test]
    fn dropping_the_sender_closes_the_link_after_what_was_sent() {
        let (parent, worker) = connected();
        parent.frames.send(b"last").unwrap();
        drop(parent);
        assert_eq!(worker.frames.receive().unwrap(), b"last");
        assert!(matches!(worker.frames.receive(), Err(LinkError::Closed)));
    }

    #[test]
    fn an_unexpected_peer_is_refused() {
        let listener = Listener::new().unwrap();
        let _other = connect(listener.socket(), [8; 16]).unwrap();
        assert!(matches!(listener.accept([7; 16]), Err(LinkError::UnexpectedPeer)));
    }

    #[test]
    fn a_connection_with_fewer_descriptors_than_it_says_is_an_error() {
        let listener = Listener::new().unwrap();
        let path = format!("/proc/self/fd/{}", listener.socket().as_raw_fd());
        let forger = IpcSender::<([u8; 16], usize, usize, usize)>::connect(path).unwrap();
        forger.send(([7; 16], 0, 1, 2)).unwrap();
        assert!(matches!(listener.accept([7; 16]), Err(LinkError::System(_))));
        let (parent, worker) = connected();
        parent.frames.send(b"the next one works").unwrap();
        assert_eq!(worker.frames.receive().unwrap(), b"the next one works");
    }

    #[test]
    fn the_listener_leaves_no_name_behind() {
        let listener = Listener::new().unwrap();
        let target = std::fs::read_link(format!("/proc/self/fd/{}", listener.socket().as_raw_fd())).unwrap();
        assert!(
            target.to_string_lossy().ends_with("(deleted)"),
            "{}",
            target.display()
        );
        let folder = PathBuf::from(target.to_string_lossy().replace("/socket (deleted)", ""));
        assert!(!folder.exists(), "{} was left behind", folder.display());
    }

    #[test]
    fn the_frames_under_way_never_block_the_sender() {
        use crate::message::frame::{MAX_FRAME_BYTES, MAX_FRAMES_UNDERWAY};
        let (parent, worker) = connected();
        // Nothing is received: without room this would hang.
        for _ in 0..MAX_FRAMES_UNDERWAY {
            parent.frames.send(&vec![1; MAX_FRAME_BYTES + 16]).unwrap();
        }
        for _ in 0..3 {
            worker.wakes.send(Wake::Progress).unwrap();
        }
        drop(worker);
    }
}
