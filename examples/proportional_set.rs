//! The proportional set size of a process: its memory, with shared pages divided among their users.

use procfs::{ProcResult, process::Process};

/// A process's own share of what it maps, in KiB: what n processes map counts an n-th for each.
///
/// # Errors
/// If the process has ended, or belongs to another user.
pub fn proportional_set_kib(process: &Process) -> ProcResult<u64> {
    let maps = process.smaps_rollup()?.memory_map_rollup;
    let bytes = maps.iter().filter_map(|map| map.extension.map.get("Pss"));
    Ok(bytes.sum::<u64>() / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_counts_and_what_is_only_mapped_does_not() {
        const MIB: usize = 64;
        let this = Process::myself().unwrap();
        let before = proportional_set_kib(&this).unwrap();
        let touched = vec![1_u8; MIB << 20];
        let after = proportional_set_kib(&this).unwrap();
        let grown = after.saturating_sub(before) >> 10;
        assert!(
            (MIB as u64 * 9 / 10..MIB as u64 * 2).contains(&grown),
            "{grown} MiB"
        );
        drop(touched);
    }
}
