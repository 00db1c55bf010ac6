//! The layout of the shared heap.
//!
//! The heap is one file of memory, sparse and of a fixed length: pages exist where they were allocated. It begins with
//! the header (identity, the table's lock, the object table's counters, the journal), the table of processes and the
//! cells of objects and references. From [`EXTENTS`] on are the extents, the larger ranges that queues and values have.
//! A place of an extent is never used again, so no list of free places is needed: there are enough for a GiB of new
//! extents per second during a hundred years.

/// How many processes can use a shared heap at once.
pub const MAX_PROCESSES: usize = 1024;

/// The first bytes of the file, in every version.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"poolheap");

/// The length of the file. Only pages that were allocated need memory.
pub(crate) const FILE_BYTES: u64 = 1 << 62;

/// Bytes per page of this layout; the system's pages may be larger.
pub(crate) const PAGE: u64 = 1 << 16;

pub(crate) const MAGIC_AT: u64 = 0;
/// The random number by which handles identify their heap.
pub(crate) const COOKIE: u64 = 8;
/// The lock of the object table.
pub(crate) const TABLE_LOCK: u64 = 64;
/// The first of the free cells, or 0.
pub(crate) const FREE_CELL: u64 = 128;
/// The first byte that no cell has used yet.
pub(crate) const NEXT_CELL: u64 = 136;
/// The first byte after the cells that have pages.
pub(crate) const CELLS_BACKED: u64 = 144;
/// The first byte that no extent has used yet.
pub(crate) const NEXT_EXTENT: u64 = 152;
/// How many objects exist.
pub(crate) const OBJECTS: u64 = 160;
/// The nonce of the last token.
pub(crate) const NEXT_NONCE: u64 = 168;
/// No process has used a slot from this one on.
pub(crate) const PROCESSES_SEEN: u64 = 176;
/// The journal: a number of writes, then pairs of place and value.
pub(crate) const JOURNAL: u64 = 256;
/// How many writes one transaction may have.
pub(crate) const JOURNAL_ENTRIES: usize = 64;

/// The table of processes.
pub(crate) const PROCESSES: u64 = 4096;
pub(crate) const PROCESS_BYTES: u64 = 64;
/// The entry after those of the processes, in whose list are the references that no process owns.
pub(crate) const UNOWNED: usize = MAX_PROCESSES;
/// In a process's entry: its liveness word, which the kernel marks.
pub(crate) const LIVENESS: u64 = 0;
/// In a process's entry: the first of its references, or 0.
pub(crate) const REFERENCES: u64 = 8;

/// The cells.
pub(crate) const CELLS: u64 = PROCESSES + (MAX_PROCESSES as u64 + 2) * PROCESS_BYTES;
pub(crate) const CELL_BYTES: u64 = 128;
/// How many bytes of cells are allocated at a time.
pub(crate) const CELLS_STEP: u64 = 256 * 1024;
/// The end of the range of cells.
pub(crate) const CELLS_END: u64 = 1 << 36;

/// The extents.
pub(crate) const EXTENTS: u64 = 1 << 40;

const _: () = assert!((FILE_BYTES - EXTENTS) >> 30 > 100 * 366 * 24 * 3600);
const _: () = assert!(JOURNAL + 8 + 16 * JOURNAL_ENTRIES as u64 <= PROCESSES);
const _: () = assert!(CELLS.is_multiple_of(CELL_BYTES));
