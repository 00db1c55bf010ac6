//! What the test programs share: the job of the puppet worker, which crashes, hangs, lies and floods on command; the
//! nemesis; and the imports of the workspace's sources.

pub mod imports;
pub mod nemesis;
pub mod signals;
pub mod threads;

use pool::{Bytes, Job};
use serde::{Deserialize, Serialize, ser::Error as _};

/// What the puppet worker does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Puppet {
    /// Return the bytes.
    Echo(Vec<u8>),
    /// Return the number.
    Number(u64),
    /// Return this many bytes.
    Flood(usize),
    /// Return the worker's process id.
    Pid,
    /// Keep a CPU busy for this many microseconds.
    Spin(u64),
    /// Sleep for this many milliseconds.
    Sleep(u64),
    /// Append a line to a file, then run the other job.
    Mark(String, Box<Puppet>),
    /// Create the first file, then wait until the second exists.
    Meet(String, String),
    /// Exit with this code.
    Exit(i32),
    /// Raise this signal.
    Raise(i32),
    /// Write to address 0.
    Segfault,
    /// Call `abort`.
    Abort,
    /// Overflow the stack.
    Overflow,
    /// Panic with this message.
    Panic(String),
    /// Ignore SIGTERM and loop forever.
    Stubborn,
    /// Write this to standard output and standard error.
    Print(String),
    /// Start a process in the worker's group that outlives the job and holds all descriptors; return its id.
    Grandchild,
    /// Fork as often as the number says, and go on in all copies to the other job.
    Fork(u8, Box<Puppet>),
    /// Fork; the copy exits through `exit`, with all handlers of it.
    ForkAndExit,
    /// Change the user of the process, then run the other job.
    Become(u32, Box<Puppet>),
    /// Return an output that cannot be encoded.
    Unencodable,
    /// How many jobs this worker's state has counted.
    Count,
    /// The initialiser's argument.
    Argument,
    /// The value of a variable in the environment.
    Variable(String),
    /// A job that cannot be encoded.
    #[serde(serialize_with = "refuse")]
    Unsendable,
    /// A job whose decoding panics.
    PanicsInDecoding(PanicsInDecoding),
    /// Which lane runs it.
    Lane,
    /// Return an answer that counts as a failure.
    Fail,
    /// Use this many bytes of memory, a MiB each millisecond.
    Swell(usize),
    /// Allocate this many bytes of memory at once.
    Seize(usize),
    /// Log this as a warning, then run the other job.
    Log(String, Box<Puppet>),
    /// Log this many events as fast as possible, then run the other job.
    Chatter(u64, Box<Puppet>),
    /// Count the start of the job with this number in the journal that the initialiser opened, compute for five
    /// microseconds, and return the number.
    Tally(u64),
    /// Return an answer that cannot be decoded.
    Undecodable,
    /// Run a job in the worker's own pool; return its answer.
    Nested,
    /// Keep this many bytes of memory from now on; return the worker's process id.
    Hoard(usize),
    /// Return the bytes.
    Carry(Bytes),
    /// Return the bytes between these two indices.
    Slice(Bytes, usize, usize),
    /// Return all of them, the last first, and 70,000 bytes more.
    Gather(Vec<Bytes>),
    /// Keep the bytes from now on; return how many are kept.
    Keep(Bytes),
    /// Return the kept bytes with this index.
    Kept(usize),
    /// Run the other job while these bytes are held.
    Bear(Bytes, Box<Puppet>),
}

/// What the puppet returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Bytes that may travel beside the answer.
    Carried(Bytes),
    /// Many of them.
    Gathered(Vec<Bytes>),
    /// A number.
    Number(u64),
    /// Text.
    Text(String),
    /// Nothing.
    Nothing,
    /// What counts as a failure.
    Failure,
    /// What cannot be decoded.
    #[serde(deserialize_with = "refuse_to_read")]
    Undecodable(u8),
    /// What cannot be encoded.
    #[serde(serialize_with = "refuse")]
    Unencodable,
}

impl Job for Puppet {
    type Output = Answer;
    const NAME: &'static str = "puppet";

    fn is_failure(output: &[u8]) -> bool {
        Self::decode_output(output).is_ok_and(|answer| answer == Answer::Failure)
    }
}

fn refuse_to_read<'de, D: serde::Deserializer<'de>>(_: D) -> Result<u8, D::Error> {
    Err(serde::de::Error::custom("refused on purpose"))
}

/// Panics when it is decoded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PanicsInDecoding;

impl<'de> Deserialize<'de> for PanicsInDecoding {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("in decoding, on purpose")
    }
}

fn refuse<S: serde::Serializer>(_: S) -> Result<S::Ok, S::Error> {
    Err(S::Error::custom("refused on purpose"))
}

/// Writes to address 0.
#[expect(unsafe_code, reason = "a worker under test must be able to crash for real")]
pub fn crash() {
    // SAFETY: there is none; the crash is the purpose.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
}

/// Forks this process barely; returns 0 in the copy.
#[expect(unsafe_code, reason = "a bare fork is what is tried")]
pub fn fork() -> i32 {
    // SAFETY: there is little in a process with threads; what the copy may then do is what is tested.
    unsafe { libc::fork() }
}

/// Changes the user of this process, in all its threads.
///
/// # Panics
/// If this process is not root's.
#[expect(unsafe_code, reason = "rustix changes one thread alone")]
pub fn become_user(user: u32) {
    // SAFETY: the call takes no pointers.
    let changed = unsafe { libc::setuid(user) };
    assert_eq!(changed, 0, "only root may");
}

/// Waits for a copy made by [`fork`]; returns whether it exited with 0.
#[expect(unsafe_code, reason = "a bare fork is what is tried")]
pub fn wait_for_copy(copy: i32) -> bool {
    let mut status = 0;
    // SAFETY: waits for the caller's own child, and writes its status to a local variable.
    unsafe { libc::waitpid(copy, &raw mut status, 0) };
    status == 0
}

/// The children of this process.
pub fn children() -> Vec<u64> {
    nemesis::children().into_iter().map(u64::from).collect()
}
