//! Where things lie in a family's memory.
//!
//! One file of memory, sparse and of a fixed length: pages exist where they were asked for. It begins with the header
//! (identity, the family's lock, its books, the journal), the table of processes and the cells, in which objects and
//! references are kept; from [`EXTENTS`] on come the extents, the larger stretches that queues and values have. An
//! extent's place is never used again, so that it needs no list of free places: there are enough for a GiB of new ones
//! in each second of a hundred years.

/// How many processes can use the objects of a family at once.
pub const MAX_PROCESSES: usize = 1024;

/// What the file begins with, in every version.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"poolfam\x01");

/// The length of the file, of which nothing is used up by being there.
pub(crate) const FILE_BYTES: u64 = 1 << 62;

/// Bytes per page that this layout counts in; the system's may be larger.
pub(crate) const PAGE: u64 = 1 << 16;

pub(crate) const MAGIC_AT: u64 = 0;
/// The random number by which handles know their family.
pub(crate) const COOKIE: u64 = 8;
/// The lock of the family's books.
pub(crate) const BOOKS_LOCK: u64 = 64;
/// The first of the free cells, or 0.
pub(crate) const FREE_CELL: u64 = 128;
/// The first byte that no cell has had yet.
pub(crate) const NEXT_CELL: u64 = 136;
/// The first byte behind the cells for which pages exist.
pub(crate) const CELLS_BACKED: u64 = 144;
/// The first byte that no extent has had yet.
pub(crate) const NEXT_EXTENT: u64 = 152;
/// How many objects there are.
pub(crate) const OBJECTS: u64 = 160;
/// The number that the next ticket gets mixed with.
pub(crate) const NEXT_NONCE: u64 = 168;
/// No process has had a slot from this one on.
pub(crate) const PROCESSES_SEEN: u64 = 176;
/// The journal: a number of writes, then pairs of place and value.
pub(crate) const JOURNAL: u64 = 256;
/// How many writes one transaction may have.
pub(crate) const JOURNAL_ENTRIES: usize = 64;

/// The table of processes.
pub(crate) const PROCESSES: u64 = 4096;
pub(crate) const PROCESS_BYTES: u64 = 64;
/// In whose list the references are that belong to no process: an entry behind those of the processes.
pub(crate) const ESTATE: usize = MAX_PROCESSES;
/// In a process's entry: its word of life, as the kernel marks it.
pub(crate) const LIFE: u64 = 0;
/// In a process's entry: the first of its references, or 0.
pub(crate) const REFERENCES: u64 = 8;

/// The cells.
pub(crate) const CELLS: u64 = PROCESSES + (MAX_PROCESSES as u64 + 2) * PROCESS_BYTES;
pub(crate) const CELL_BYTES: u64 = 128;
/// How many bytes of cells are made at a time.
pub(crate) const CELLS_STEP: u64 = 256 * 1024;
/// Cells reach no further than this.
pub(crate) const CELLS_END: u64 = 1 << 36;

/// The extents.
pub(crate) const EXTENTS: u64 = 1 << 40;

const _: () = assert!((FILE_BYTES - EXTENTS) >> 30 > 100 * 366 * 24 * 3600);
const _: () = assert!(JOURNAL + 8 + 16 * JOURNAL_ENTRIES as u64 <= PROCESSES);
const _: () = assert!(CELLS.is_multiple_of(CELL_BYTES));
